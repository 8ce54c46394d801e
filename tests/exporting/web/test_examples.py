"""The examples in JavaScript and HTML of docs/export.md, run as they are."""

import functools
import http.server
import re
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

import textgen

PAGE = (Path(__file__).parents[3] / "docs/export.md").read_text(encoding="utf-8")
IFRAME, CONSOLE, NODE, P5, GAME = (
    code for _, code in re.findall(r"^```(js|html)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
P5_VERSIONS = ("1.11.10", "2.0.5")
ICON = '<link rel="icon" href="data:,">'  # else the browser looks for one, and complains
SKETCH = f"""<!doctype html>
<meta charset="utf-8">
{ICON}
<script src="p5.min.js"></script>
<script src="sketch.js"></script>
"""


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("examples") / "web"
    textgen.export(trained, folder, "js", weights="float32")
    textgen.export(trained, folder / "page.html", "html")
    return folder


@pytest.fixture(scope="module")
def address(exported) -> Iterator[str]:
    """The address of the exported directory on a web server."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments):
            pass

    handler = functools.partial(Handler, directory=str(exported))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser):
    """A page that must not print anything to the console."""
    page = browser.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    assert wrong == []
    page.close()


@pytest.fixture(params=P5_VERSIONS)
def p5(request, tmp_path) -> Path:
    """The library, from the npm registry."""
    if shutil.which("npm") is None:
        pytest.skip("no npm here")
    command = ["npm", "pack", f"p5@{request.param}"]
    try:
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError):
        pytest.skip("npm cannot fetch p5 here")
    with tarfile.open(tmp_path / f"p5-{request.param}.tgz") as archive:
        archive.extract("package/lib/p5.min.js", tmp_path, filter="data")
    library: Path = tmp_path / "package/lib/p5.min.js"
    return library


def test_node_writes_a_text(trained, exported):
    if shutil.which("node") is None:
        pytest.skip("no Node here")
    shutil.copy(exported / "textgen.js", exported / "textgen.mjs")  # for any version of Node
    (exported / "example.mjs").write_text(NODE.replace("textgen.js", "textgen.mjs"))
    texts = [
        subprocess.run(
            ["node", "example.mjs"], cwd=exported, capture_output=True, check=True, timeout=60
        ).stdout.decode()
        for _ in range(2)
    ]
    assert len(texts[0]) == 200 and texts[0] == texts[1]
    # As good as textgen's own: the model finds it about as probable as what it writes itself.
    sampler = textgen.load(trained)
    expected = sampler.generate("The ", length=200, temperature=0.7, random_seed=1)
    found = sampler.logprobs("The " + texts[0]).mean()
    assert found > sampler.logprobs(expected).mean() - 0.6


def test_the_game_asks_for_the_next_character(address, exported, page):
    (exported / "game.html").write_text(
        GAME.replace("<meta", '<link rel="icon" href="data:,"><meta')
    )
    page.goto(f"{address}/game.html")
    buttons = page.locator("#choices button")
    for number in range(1, 11):
        buttons.nth(3).wait_for()
        buttons.first.click()
        assert re.fullmatch(rf"\d+ of {number}", page.locator("#score").inner_text())
    text = page.locator("#text").text_content()
    assert text.startswith("The ") and len(text) == len("The ") + 10


def test_the_sketch_draws_what_the_model_writes(address, exported, page, p5):
    shutil.copy(p5, exported / "p5.min.js")
    (exported / "sketch.js").write_text(P5)
    (exported / "sketch.html").write_text(SKETCH)
    page.goto(f"{address}/sketch.html")
    page.wait_for_function("typeof model === 'object' && model && frameCount > 60 && y + x > 100")
    ink = page.evaluate(
        """() => {
          const canvas = document.querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, i) => i % 4 === 0 && value < 225).length;
        }"""
    )
    assert ink > 50


@pytest.mark.parametrize("sandbox", ["", 'sandbox="allow-scripts allow-forms" '])
def test_a_page_in_a_frame_generates(sandbox, address, exported, page):
    frame = IFRAME.replace("<iframe ", f"<iframe {sandbox}")
    (exported / "site.html").write_text(ICON + frame)
    page.goto(f"{address}/site.html")
    inside = page.frame_locator("iframe")
    inside.locator("#seed").fill("The ")
    inside.locator("#generate").click()
    expect(inside.locator("#text")).to_have_text(re.compile(r"^The .{100}", re.DOTALL))


def test_the_console_of_a_page_has_its_model(exported, page):
    page.goto((exported / "page.html").as_uri())
    code = CONSOLE.replace("(await model.predict", "return (await model.predict")
    found = page.evaluate(f"async () => {{ {code} }}")
    assert 0 < found["probability"] <= 1 and len(found["text"]) == 1
