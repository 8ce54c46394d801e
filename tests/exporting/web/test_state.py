"""Stepping through a text by hand: reading, going back, choosing, and what cannot be."""

import pytest

from tests.exporting.web.models import MODELS
from textgen.exporting.web.model_file import write_model_file
from textgen.sampling.decoding import probabilities

GO_BACK = """async ({ load }, [file, start]) => {
  const model = await load(file);
  const write = (count) => {
    let text = "";
    for (let i = 0; i < count; i++) {
      const id = model.choose({ temperature: 4, topP: 0.95 });
      text += model.decode([id]);
      model.step(id);
    }
    return text;
  };
  model.seedRandom(4);
  model.reset(model.info.labels.length ? ["horror", "author=Bob"] : undefined);
  model.step(start);
  write(20);
  const state = model.state();
  const stored = JSON.stringify(state);
  const first = write(60);
  model.reset();
  model.step(start);
  model.setState(state);
  const again = write(60);
  const other = await load(file);
  other.setState(JSON.parse(stored));
  const elsewhere = JSON.stringify(other.state()) === stored;
  model.setState(JSON.parse(stored));
  const generated = [];
  for (const from of [state, model.state()]) {
    let text = "";
    const options = { state: from, temperature: 0, length: 30 };
    for await (const token of model.generate(options)) text += token.text;
    generated.push(text);
  }
  return { first, again, elsewhere, after: write(60), generated };
}"""


@pytest.mark.parametrize("name", ["lstm", "gru, several layers", "windows", "labels", "subwords"])
def test_a_state_that_was_saved_continues_in_the_same_way(engine, name):
    file = write_model_file(MODELS[name], "test", "float32").decode()
    done = engine.run(GO_BACK, [file, "the cab"])
    assert done["first"] == done["again"] == done["after"] and len(set(done["first"])) > 3
    assert done["elsewhere"]
    assert done["generated"][0] == done["generated"][1]


BY_HAND = """async ({ load }, [file]) => {
  const model = await load(file);
  let generated = "", stepped = "";
  const options = { seed: "the cab", temperature: 0, length: 50 };
  for await (const token of model.generate(options)) generated += token.text;
  model.step("the cab");
  while (stepped.length < generated.length) {
    const [{ id, text }] = model.alternatives(1);
    if (id !== model.choose({ temperature: 0 })) throw new Error("not the most likely one");
    stepped += text;
    model.step(id);
  }
  return [generated, stepped];
}"""


@pytest.mark.parametrize("name", ["lstm", "gru on windows"])
def test_stepping_writes_what_generating_writes(engine, name):
    file = write_model_file(MODELS[name], "test", "float32").decode()
    generated, stepped = engine.run(BY_HAND, [file])
    assert generated == stepped and generated


PREDICT = """async ({ load }, [file, seed, label]) => {
  const model = await load(file);
  const options = { seed, label, length: 1, randomSeed: 2, alternatives: 7, temperature: 1 };
  let first = null;
  for await (const token of model.generate(options)) first ??= token.alternatives;
  const predicted = await model.predict(seed, { label, count: 7 });
  return [first, predicted];
}"""


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        ("lstm", "the c"),
        ("documents", ""),
        ("labels", "ab"),
        ("subwords", "zq"),
    ],
)
def test_what_is_predicted_after_a_seed_is_what_is_chosen_from(engine, name, seed):
    file = write_model_file(MODELS[name], "test", "float32").decode()
    label = {"genre": "horror", "author": ""} if name == "labels" else None
    first, predicted = engine.run(PREDICT, [file, seed, label])
    assert predicted == first and len(predicted) >= 2
    assert 0 < sum(each["probability"] for each in predicted) <= 1 + 1e-6


def test_what_is_predicted_after_a_seed_that_can_be_a_token_comes_after_it(engine):
    trained = MODELS["subwords"]
    vocabulary, network = trained.record.vocabulary, trained.network()
    reader = network.reader()
    held_back = probabilities(reader.step(vocabulary.characters.index("q")))
    th, the = (vocabulary.tokens.index(text) for text in ("th", "the"))
    after = probabilities(reader.step(th))
    share = held_back[[th, the]] / held_back[[th, the]].sum()
    expected = {text: share[0] * after[i] for i, text in enumerate(vocabulary.tokens)}
    expected["e"] += share[1]
    file = write_model_file(trained, "test", "float32").decode()
    _, predicted = engine.run(PREDICT, [file, "qth", None])
    for each in predicted:
        assert abs(each["probability"] - expected[each["text"]]) < 1e-5
    assert predicted[0]["probability"] == max(each["probability"] for each in predicted)
    assert {"e"} < {each["text"] for each in predicted}


STOP_READING = """async ({ load }, [file]) => {
  const model = await load(file);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const began = performance.now();
  try {
    await model.predict("the cab ".repeat(100_000), { signal: controller.signal });
  } catch (error) {
    return [error.name, performance.now() - began];
  }
}"""


def test_reading_a_long_text_can_be_stopped(engine):
    file = write_model_file(MODELS["lstm"], "test", "float32").decode()
    name, milliseconds = engine.run(STOP_READING, [file])
    assert name == "AbortError" and milliseconds < 500


ERROR = """async ({ load }, [file, code]) => {
  const model = await load(file);
  try {
    await (0, eval)(code)(model);
  } catch (error) {
    return error.message;
  }
}"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("model => model.probabilities()", "read something first, with step(text)"),
        ("model => model.choose()", "read something first, with step(text)"),
        (
            "model => model.generate({ state: model.state() })",
            "read something first, with step(text)",
        ),
        (
            "model => model.predict('a', { count: -1 })",
            "count must be an integer from 0 on, not -1",
        ),
        (
            "model => model.predict('a', { temperature: 0 })",
            "temperature must be a number above 0, not 0",
        ),
        ("model => model.step(38)", "38 is no id; they go from 0 to 37"),
        ("model => model.step(-1)", "-1 is no id; they go from 0 to 37"),
        ("model => model.step('ç')", 'character 1, "ç" (U+00E7), is not in the model'),
        (
            "model => { model.step('a'); model.probabilities(0); }",
            "temperature must be a number above 0, not 0",
        ),
        (
            "model => model.setState({ ...model.state(), states: [[1, 2], [3, 4]] })",
            "the state is that of another model",
        ),
        ("model => model.setState({})", "the state is that of another model"),
        (
            """model => {
              model.step('a');
              try { model.setState({ states: [[1, 2]] }); } catch {}
              if (model.state().read) throw new Error("it is as before");
            }""",
            "it is as before",
        ),
        (
            "model => model.generate({ seed: 'a', state: model.state() })",
            "give a seed or a state, not both",
        ),
    ],
)
def test_what_cannot_be_is_an_error(engine, code, message):
    file = write_model_file(MODELS["lstm"], "test", "float32").decode()
    assert engine.run(ERROR, [file, code]).startswith(message)
