"""Texts that the engine generates, compared with those of textgen's sampler."""

from typing import Any

import numpy as np
import pytest

from tests.analysis.models import LABELS
from tests.exporting.web.models import (
    LINES,
    MERGES,
    MODELS,
    ROWS,
    SEED,
    expected_probabilities,
    lively_model,
)
from tests.optional import present
from textgen.exporting.web.model_file import write_model_file
from textgen.model.model_dir import read_model

# The texts, and how they ended.
GENERATE = """async ({ load }, [file, options, loading]) => {
  const model = await load(file, loading ?? {});
  const results = [];
  for (const each of options) {
    const text = model.generate(each);
    let characters = "", next;
    while (!(next = await text.next()).done) characters += next.value.text;
    results.push([text.seed + characters, next.value.finish]);
  }
  return results;
}"""


def generate(engine, trained, *options, **loading):
    """A text for each options, and how it ended."""
    file = write_model_file(trained, "test", "float32").decode()
    return engine.run(GENERATE, [file, options, loading])


def texts(engine, trained, *options, **loading):
    return [text for text, _ in generate(engine, trained, *options, **loading)]


CONTINUOUS = [name for name, each in MODELS.items() if not each.sampler().generates_documents]
DOCUMENTS = [name for name in MODELS if name not in CONTINUOUS]
SEEDS = ["t", "the ca", "a face! \n", "zqj 😀", "bab", "th", "fac", SEED * 5]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_greedy_text_is_that_of_textgen_sample(engine, name):
    sampler = MODELS[name].sampler()
    options: list[dict[str, Any]]
    options = [{"seed": seed, "temperature": 0, "length": 100} for seed in SEEDS]
    options.append({"seed": SEED, "temperature": 0, "length": 500})
    expected = [sampler.generate(**each) for each in options]
    assert texts(engine, MODELS[name], *options) == expected


def test_greedy_text_of_a_trained_model_is_that_of_textgen_sample(engine, trained):
    options: dict[str, Any] = {"seed": "The cat", "temperature": 0, "length": 500}
    expected = read_model(trained).sampler().generate(**options)
    assert len(set(expected)) > 10
    for web_assembly in (True, False):
        written = texts(engine, read_model(trained), options, webAssembly=web_assembly)
        assert written == [expected]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_greedy_documents_are_those_of_textgen_sample(engine, name):
    sampler = MODELS[name].sampler()
    label: dict[str, Any] = {"label": ["horror", "author=Ann"]} if sampler.labels else {}
    seeds = [seed.replace("\n", "") for seed in ("", *SEEDS)]
    options = [{"seed": seed, "temperature": 0, "length": 40, **label} for seed in seeds]
    expected = [sampler.generate(**each) for each in options]
    assert texts(engine, MODELS[name], *options) == expected
    assert len(set(expected)) > 5 and expected[0]


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ({"until": "e"}, "stop"),
        ({"until": ["zzz", "ab"]}, "stop"),
        ({"until": "aba"}, "stop"),
        ({"lines": 1}, "stop"),
        ({"lines": 3, "until": "xyzxyz"}, "stop"),
        ({"lines": 1, "length": 2}, "length"),
        ({"length": 1}, "length"),
        ({"length": 7}, "length"),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["rnn", "subwords"])
def test_a_text_ends_where_that_of_textgen_sample_ends(engine, name, stop, finish):
    sampler = MODELS[name].sampler()
    options: dict[str, Any] = {"seed": "the c\n", "temperature": 0, "length": 100, **stop}
    expected = sampler.generate(**options)
    ((written, ended),) = generate(engine, MODELS[name], options)
    assert written == expected
    reached = len(expected) < len("the c\n") + options["length"]
    assert ended == ("stop" if reached else "length")
    assert reached or finish == "length" or "until" in stop or "lines" in stop


TOKENS = """async ({ load }, [file, options]) => {
  const model = await load(file);
  const texts = [];
  for (let randomSeed = 0; randomSeed < 20; randomSeed++) {
    const tokens = [];
    for await (const token of model.generate({ ...options, randomSeed })) tokens.push(token);
    texts.push(tokens);
  }
  return texts;
}"""


@pytest.mark.parametrize("name", ["lstm", "documents", "labels", "documents of subwords"])
def test_tokens_have_the_probabilities_that_textgen_gives(engine, name):
    trained = MODELS[name]
    vocabulary, labels = trained.record.vocabulary, trained.record.labels
    seed = "" if vocabulary.has_document_end else "the "
    options = {"seed": seed, "length": 0, "until": "q", "temperature": 1.5, "alternatives": 4}
    label = {"genre": "horror", "author": "Ann"} if labels else None
    file = write_model_file(trained, "test", "float32").decode()
    texts = engine.run(TOKENS, [file, {**options, "label": label}])
    assert sum(map(len, texts)) > 50
    read = [*vocabulary.encode(seed).tolist()] or [present(vocabulary.document_end_id)]
    for tokens in texts:
        ids = [*read, *(token["id"] for token in tokens)]
        expected = expected_probabilities(trained, ids, (2, 1) if labels else ())
        for token, probabilities in zip(tokens, expected[len(read) - 1 : -1], strict=True):
            assert token["text"] == vocabulary.table[token["id"]]
            assert abs(token["logProbability"] - np.log(probabilities[token["id"]])) < 1e-4
            likely = np.argsort(-probabilities)
            likely = likely[likely != vocabulary.unknown_id][:4]
            assert [each["id"] for each in token["alternatives"]] == likely.tolist()
            assert [each["text"] for each in token["alternatives"]] == [
                vocabulary.decode([number]) for number in likely
            ]
            shown = [each["probability"] for each in token["alternatives"]]
            assert np.abs(np.array(shown) - probabilities[likely]).max() < 1e-5


def test_a_document_is_not_empty_and_may_end_at_its_highest_length(engine):
    trained = lively_model(corpus=ROWS)
    end = trained.record.vocabulary.document_end_id
    weights = [*trained.weights]
    weights[-1] = weights[-1].copy()
    weights[-1][end] = 30  # ends as soon as it can
    trained = type(trained)(trained.record, weights)
    for length in (1, 5):
        options = {"temperature": 1, "length": length, "randomSeed": 3}
        ((text, finish),) = generate(engine, trained, options)
        assert (len(text), finish) == (1, "stop")
    ((text, finish),) = generate(engine, trained, {"seed": "ab"})
    assert (text, finish) == ("ab", "stop")
    weights[-1] = weights[-1].copy()
    weights[-1][end] = -30
    ((text, finish),) = generate(engine, trained, {"length": 8})
    assert (len(text), finish) == (8, "length")


@pytest.mark.parametrize("merges", [(), MERGES], ids=["characters", "subwords"])
def test_excluded_characters_and_the_unknown_one_are_never_generated(engine, merges):
    trained = lively_model(corpus=LINES, has_unknown=True, merges=merges)
    assert trained.sampler().excluded == "\n"
    vocabulary = trained.record.vocabulary
    weights = [*trained.weights]
    weights[-1] = weights[-1].copy()
    weights[-1][[present(vocabulary.unknown_id), vocabulary.characters.index("\n")]] = 30
    trained = type(trained)(trained.record, weights)
    options = [{"temperature": 2, "randomSeed": number} for number in range(10)]
    written = "".join(texts(engine, trained, *options))
    assert len(set(written)) > 10 and not set(written) & {"\n", "\ufffd"}


LABELS_OF = """async ({ load }, [file, label, count]) => {
  const model = await load(file);
  const labels = [];
  for (let randomSeed = 0; randomSeed < count; randomSeed++) {
    labels.push(model.generate({ label, randomSeed }).labels);
  }
  return labels;
}"""


def test_labels_that_are_not_named_are_drawn_as_often_as_they_occur(engine):
    file = write_model_file(MODELS["labels"], "test", "float32").decode()
    assert LABELS.combinations == (((2, 1), 9), ((1, 0), 7))
    drawn = engine.run(LABELS_OF, [file, None, 800])
    horror = [each for each in drawn if each == {"genre": "horror", "author": "Ann"}]
    comedy = [each for each in drawn if each == {"genre": "comedy"}]
    assert len(horror) + len(comedy) == 800
    assert abs(len(horror) - 450) < 4 * (800 * 9 / 16 * 7 / 16) ** 0.5
    comedy = engine.run(LABELS_OF, [file, "genre=comedy", 3])
    assert comedy == [{"genre": "comedy"}] * 3
    unseen = engine.run(LABELS_OF, [file, {"genre": "comedy", "author": "Bob"}, 1])
    assert unseen == [{"genre": "comedy", "author": "Bob"}]
    assert engine.run(LABELS_OF, [file, {"author": "Cy"}, 1]) == [{"author": "Cy"}]


DRAW_SEEDS = """async ({ load }, [file]) => {
  const model = await load(file);
  const seeds = [];
  for (let randomSeed = 0; randomSeed < 40; randomSeed++) {
    seeds.push(model.generate({ randomSeed }).seed);
  }
  return [seeds, model.info.seeds];
}"""


def test_a_text_without_a_seed_starts_from_one_of_the_models(engine):
    file = write_model_file(MODELS["lstm"], "test", "float32").decode()
    drawn, seeds = engine.run(DRAW_SEEDS, [file])
    assert set(drawn) == set(seeds) == set(MODELS["lstm"].record.seeds)


def test_the_same_random_seed_gives_the_same_text(engine):
    options = [{"seed": SEED, "temperature": 1, "randomSeed": seed} for seed in (5, 5, 6, 2**40)]
    first, again, other, large = texts(engine, MODELS["lstm"], *options)
    assert first == again and len({first, other, large}) == 3
    assert len(first) == len(SEED) + 400


def test_a_random_seed_gives_this_text(engine):
    options = {"seed": SEED, "temperature": 1, "randomSeed": 1, "length": 24}
    for web_assembly in (True, False):
        (text,) = texts(engine, MODELS["lstm"], options, webAssembly=web_assembly)
        assert text.removeprefix(SEED) == "\n\n zßcfjzefjhd dßd!kk😀'u"


AT_ONCE = """async ({ load }, [file, options]) => {
  const model = await load(file);
  const alone = [];
  for (const each of options) {
    let text = "";
    for await (const token of model.generate(each)) text += token.text;
    alone.push(text);
  }
  const streams = options.map((each) => model.generate(each));
  const together = options.map(() => "");
  for (let left = streams.length; left > 0; ) {
    for (const [index, stream] of streams.entries()) {
      const next = await stream.next();
      if (next.done) left -= !next.value ? 0 : 1;
      else together[index] += next.value.text;
    }
  }
  return [alone, together];
}"""


@pytest.mark.parametrize("name", ["lstm", "windows", "labels", "subwords"])
def test_texts_can_be_generated_at_the_same_time(engine, name):
    file = write_model_file(MODELS[name], "test", "float32").decode()
    options = [
        {"seed": seed, "length": 40, "temperature": 1, "randomSeed": number}
        for number, seed in enumerate(["the cab", "zq", "face"])
    ]
    alone, together = engine.run(AT_ONCE, [file, options])
    assert alone == together and len(set(alone)) > 1


ABORT = """async ({ load }, [file]) => {
  const model = await load(file);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 60);
  let count = 0;
  try {
    const options = { seed: "the ", length: 0, signal: controller.signal };
    for await (const token of model.generate(options)) count++;
  } catch (error) {
    return [error.name, count];
  }
}"""


def test_an_endless_text_ends_when_its_signal_says_so(engine):
    file = write_model_file(MODELS["lstm"], "test", "float32").decode()
    name, count = engine.run(ABORT, [file])
    assert name == "AbortError" and count > 10


ERROR = """async ({ load }, [file, options]) => {
  const model = await load(file);
  try {
    model.generate(options);
  } catch (error) {
    return [error.name, error.message];
  }
}"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature must be a number from 0, not -1"),
        ({"topP": 0}, "topP must be a number above 0 to 1, not 0"),
        ({"minP": 2}, "minP must be a number from 0 to 1, not 2"),
        ({"topK": 1.5}, "topK must be an integer from 0 on, not 1.5"),
        ({"length": -1}, "length must be an integer from 0 on, not -1"),
        ({"randomSeed": "x"}, 'randomSeed must be an integer from 0 on, not "x"'),
        ({"temprature": 1}, "no option temprature; there are seed, state, temperature"),
        ({"seed": "aç"}, 'character 2, "ç" (U+00E7), is not in the model'),
        ({"seed": ""}, "the seed is empty"),
        ({"seed": "ç", "unknown": "skip"}, "the seed has no character of the model's vocabulary"),
        ({"until": "ç"}, 'until cannot be generated: "ç" is not in the vocabulary'),
        ({"until": ""}, "until must be a text of one or more characters"),
        ({"label": "horror"}, "the model was trained without labels"),
    ],
    ids=str,
)
def test_options_that_cannot_be_are_errors(engine, options, message):
    file = write_model_file(MODELS["lstm"], "test", "float32").decode()
    name, text = engine.run(ERROR, [file, options])
    assert name in ("RangeError", "TypeError") and text.startswith(message)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("drama", "a label must be genre=VALUE or author=VALUE, not"),
        ("genre=drama", 'the label genre has no value "drama"; it has comedy, horror'),
        (["horror", "genre=comedy"], "the label genre is given twice"),
        ({"year": "1"}, "a label must be genre=VALUE or author=VALUE, not"),
    ],
    ids=str,
)
def test_labels_that_the_model_lacks_are_errors(engine, label, message):
    file = write_model_file(MODELS["labels"], "test", "float32").decode()
    name, text = engine.run(ERROR, [file, {"label": label}])
    assert name == "RangeError" and text.startswith(message)


def test_unknown_characters_of_a_seed_can_be_skipped(engine):
    options = {"seed": "tçhe", "unknown": "skip", "temperature": 0, "length": 9}
    expected = MODELS["lstm"].sampler().generate("the", temperature=0, length=9)
    assert texts(engine, MODELS["lstm"], options) == [expected]
