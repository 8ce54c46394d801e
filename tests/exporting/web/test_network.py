"""The engine's network, compared with the one in NumPy."""

from tests.exporting.web.models import SEED, lively_model, network_config
from textgen.exporting.web.model_file import write_model_file

GENERATE = """async ({ load }, [file, options, loading]) => {
  const model = await load(file, loading ?? {});
  let text = "";
  for await (const token of model.generate(options)) text += token.text;
  return text;
}"""


def test_greedy_text_is_that_of_textgen_sample(engine):
    trained = lively_model(network_config())
    file = write_model_file(trained, "test", "float32").decode()
    expected = trained.sampler().generate(SEED, temperature=0, length=500)
    options = {"seed": SEED, "temperature": 0, "length": 500}
    assert len(set(expected)) > 15
    assert engine.run(GENERATE, [file, options]) == expected[len(SEED) :]
