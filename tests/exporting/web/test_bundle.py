"""The engine as one file: in workers, without WebAssembly, and built from its sources."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.exporting.web.models import MODELS, SEED
from textgen.exporting.web import bundle
from textgen.exporting.web.bundle import MODULES, engine_module, engine_script
from textgen.exporting.web.model_file import write_model_file

OPTIONS: dict[str, Any] = {"seed": SEED, "temperature": 0, "length": 20}

GENERATE = """async (textgen, file, options) => {
  const model = await textgen.load(file);
  let text = options.seed;
  for await (const token of model.generate(options)) text += token.text;
  return [model.info.kernels, text];
}"""

IN_WORKER = """async ([source, type]) => {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address, { type });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message));
  });
  worker.terminate();
  return answer;
}"""


def lstm() -> str:
    return write_model_file(MODELS["lstm"], "test", "float32").decode()


@pytest.fixture
def page(browser):
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("kind", ["classic", "module"])
def test_it_runs_in_a_worker(page, kind):
    source = engine_script() if kind == "classic" else engine_module()
    namespace = "textgen" if kind == "classic" else "{ load }"
    source += f"({GENERATE})({namespace}, {lstm()}, {OPTIONS}).then(postMessage);"
    expected = MODELS["lstm"].sampler().generate(**OPTIONS)
    if kind == "module":  # which no worker of a page without an address can be
        page.route("https://page.example/", lambda route: route.fulfill(body=""))
        page.goto("https://page.example/")
    assert page.evaluate(IN_WORKER, [source, kind]) == ["wasm", expected]


def test_a_page_has_a_model_of_its_own(page):
    page.set_content(f'<script id="textgen-model" type="application/json">{lstm()}</script>')
    page.add_script_tag(content=engine_script())
    expected = MODELS["lstm"].sampler().generate(**OPTIONS)
    code = f"() => ({GENERATE})(textgen, undefined, {OPTIONS})"
    assert page.evaluate(code) == ["wasm", expected]


@pytest.mark.parametrize(
    "policy",
    ["script-src 'unsafe-inline' 'unsafe-eval'", "script-src 'unsafe-inline'"],
    ids=["allowed", "forbidden"],
)
def test_a_policy_without_webassembly_gives_the_same_text(page, policy):
    page.route(
        "https://page.example/",
        lambda route: route.fulfill(
            headers={"Content-Security-Policy": policy},
            content_type="text/html; charset=utf-8",
            body=f"<script>{engine_script()}</script>"
            f"<script>window.done = ({GENERATE})(textgen, {lstm()}, {OPTIONS})</script>",
        ),
    )
    page.goto("https://page.example/")
    kernels, text = page.evaluate("window.done")
    assert kernels == ("wasm" if "unsafe-eval" in policy else "plain")
    assert text == MODELS["lstm"].sampler().generate(**OPTIONS)


WITHOUT = """async ({ load }, [file, options, other]) => {
  const { WebAssembly } = globalThis;
  globalThis.WebAssembly = (0, eval)(other);
  try {
    const model = await load(file);
    let text = options.seed;
    for await (const token of model.generate(options)) text += token.text;
    return [model.info.kernels, text];
  } finally {
    globalThis.WebAssembly = WebAssembly;
  }
}"""


@pytest.mark.parametrize(
    "other",
    [
        "undefined",
        # As Safari where a policy forbids it.
        "({ Memory: WebAssembly.Memory, instantiate: async () => { throw new EvalError(); } })",
    ],
    ids=["absent", "forbidden"],
)
def test_a_browser_without_webassembly_gives_the_same_text(engine, other):
    expected = MODELS["lstm"].sampler().generate(**OPTIONS)
    assert engine.run(WITHOUT, [lstm(), OPTIONS, other]) == ["plain", expected]


SOURCES = """async ({ load }, file) => {
  const address = URL.createObjectURL(new Blob([file], { type: "application/json" }));
  const sources = [file, JSON.parse(file), address, new URL(address)];
  const names = [];
  for (const source of sources) names.push((await load(source)).info.name);
  const errors = [];
  for (const source of ["{}", {}, null, { ...JSON.parse(file), version: 2 }, undefined]) {
    await load(source).catch((error) => errors.push(error.message));
  }
  return [names, errors];
}"""


def test_a_model_comes_from_text_an_object_or_an_address(engine):
    names, errors = engine.run(SOURCES, lstm())
    assert names == ["test"] * 4
    assert errors[:3] == ["this is no model that textgen exported"] * 3
    assert "has version 2 of the format, and this engine reads 1" in errors[3]
    assert errors[4] == "name a model: there is none in this page"


def test_node_reads_a_model_from_its_path(tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here")
    (tmp_path / "textgen.mjs").write_text(engine_module(), encoding="utf-8")
    (tmp_path / "model.json").write_text(lstm(), encoding="utf-8")
    code = """import { load } from "./textgen.mjs";
    for (const source of ["model.json", new URL("./model.json", import.meta.url)]) {
      console.log((await load(source)).info.name);
    }"""
    (tmp_path / "run.mjs").write_text(code, encoding="utf-8")
    done = subprocess.run([node, "run.mjs"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "test\ntest\n"), done.stderr


def test_every_module_comes_after_those_that_it_imports():
    folder = bundle.FOLDER / "engine"
    files = {path.name for path in folder.glob("*.js")}
    assert files == set(MODULES) - {"kernels_wasm.js"}
    for place, name in enumerate(MODULES):
        if name in files:
            source = (folder / name).read_text(encoding="utf-8")
            imported = set(re.findall(r'from "\./(\w+\.js)"', source))
            assert imported <= set(MODULES[:place]), name
    joined = engine_module()
    assert not re.search(r"^(import|export) (?!\{ load, Model \};)", joined, re.MULTILINE)


def test_public_functions_are_documented_with_an_example():
    joined = engine_module()
    methods = "generate predict reset step probabilities alternatives choose seedRandom state"
    names = [*methods.split(), "setState", "encode", "decode"]
    patterns = [rf"^  (async )?{name}\(" for name in names] + [r"^async function load\("]
    for pattern in patterns:
        place = [match.start() for match in re.finditer(pattern, joined, re.MULTILINE)][-1]
        comment = joined[joined.rindex("/**", 0, place) : place]
        assert "@example" in comment and comment.rstrip().endswith("*/"), pattern


def test_the_webassembly_is_built_from_its_source(tmp_path: Path):
    wat2wasm = shutil.which("wat2wasm")
    if wat2wasm is None:
        pytest.skip("wabt is not installed; it builds kernels.wasm")
    built = tmp_path / "kernels.wasm"
    subprocess.run([wat2wasm, bundle.FOLDER / "kernels.wat", "-o", built], check=True)
    assert built.read_bytes() == (bundle.FOLDER / "kernels.wasm").read_bytes(), "run `make wasm`"


ACCURACY = """async ({ load }, source) => {
  const bytes = Uint8Array.from(atob(source), (character) => character.charCodeAt(0));
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { instance } = await WebAssembly.instantiate(bytes, { textgen: { memory } });
  const floats = new Float32Array(memory.buffer);
  const { rnn, lstm, exponentials } = instance.exports;
  const worst = { tanh: 0, sigmoid: 0, exp: 0 };
  for (let x = -30; x < 30; x += 0.0019) {
    // tanh(x); then, with i = g = 20, c = 1, so h is sigmoid(x) tanh(1).
    floats.set([x, x, x, x]);
    rnn(0, 64, 4);
    worst.tanh = Math.max(worst.tanh, Math.abs(floats[16] - Math.tanh(floats[0])));
    floats.set([60, 60, 60, 60, -60, -60, -60, -60, 60, 60, 60, 60, x, x, x, x]);
    lstm(0, 256, 512, 4);
    const sigmoid = 1 / (1 + Math.exp(-floats[12]));
    worst.sigmoid = Math.max(worst.sigmoid, Math.abs(floats[128] - sigmoid * Math.tanh(1)));
    floats.set([x, x, x, x]);
    exponentials(64, 0, 4, 0, 1);
    const exact = Math.exp(floats[0]);
    worst.exp = Math.max(worst.exp, Math.abs(floats[16] - exact) / exact);
  }
  for (const x of [-1e30, -88, -87, 0, 88, 1e30]) {
    floats.set([x, x, x, x]);
    rnn(0, 64, 4);
    worst.tanh = Math.max(worst.tanh, Math.abs(floats[16] - Math.tanh(x)));
  }
  return worst;
}"""


def test_the_activations_are_accurate(engine):
    content = re.search(r'KERNELS_WASM =\s+"([^"]+)"', engine_module())
    assert content is not None
    worst = engine.run(ACCURACY, content[1])
    assert worst["tanh"] < 2e-7 and worst["sigmoid"] < 2e-7 and worst["exp"] < 3e-7
    assert min(worst.values()) > 0
