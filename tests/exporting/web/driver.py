"""A page with a model in Chromium, as its user works with it."""

from typing import Any

from playwright.sync_api import BrowserContext, Locator


class WebPage:
    """A page that is open.

    Attributes:
        page: Playwright's page.
        wrong: What went wrong: messages on the console, errors, requests to anywhere.

    Args:
        context: The browser's context.
        address: The page's address.
        before: JavaScript that runs in the page before its own.
    """

    def __init__(self, context: BrowserContext, address: str, before: str = ""):
        self.context, self.page = context, context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self.wrong.append(message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        context.on("request", lambda request: self._see(request.url, address))
        if before:
            self.page.add_init_script(before)
        self.page.goto(address)
        self.wait()

    def _see(self, request: str, address: str) -> None:
        """A page may ask for itself, its worker (a blob in the page) and the API of its server."""
        page = address.partition("#")[0]
        api = f"{page}v1/" if page.startswith("http") else page
        if request.partition("#")[0] != page and not request.startswith(("blob:null/", api)):
            self.wrong.append(request)

    def get(self, name: str) -> Locator:
        """The element with an id."""
        return self.page.locator(f"#{name}")

    def press(self, name: str) -> None:
        """Press the button with an id."""
        self.get(name).click()

    def fill(self, **values: Any) -> None:
        """Fill in the form; `min_p` is the element with the id min-p."""
        self.get("options").evaluate("details => { details.open = true; }")
        for name, value in values.items():
            self.get(name.replace("_", "-")).fill(str(value))

    def wait(self) -> None:
        """Wait until the model is read and nothing runs."""
        self.page.locator("body:not(.running)").wait_for(timeout=20_000)
        if self.error == "":
            self.page.locator("#generate[aria-disabled=false]").wait_for()

    def generate(self, **values: Any) -> str:
        """Fill in the form, generate, and return the text."""
        self.fill(**values)
        self.press("generate")
        self.wait()
        return self.text

    @property
    def text(self) -> str:
        """The text on the page."""
        return self.get("text").text_content() or ""

    @property
    def status(self) -> str:
        """What the page said last."""
        return self.get("status").inner_text()

    def says(self, text: str) -> None:
        """Wait until the page says something."""
        self.get("status").filter(has_text=text).wait_for()

    @property
    def error(self) -> str:
        """The error on the page; empty if there is none."""
        return self.get("error").inner_text()

    def engine_text(self, **options: Any) -> str:
        """The seed and the text that `window.textgen` generates."""
        return str(
            self.page.evaluate(
                """async (options) => {
                  const model = await textgen.load();
                  const stream = model.generate(options);
                  let text = stream.seed;
                  for await (const token of stream) text += token.text;
                  return text;
                }""",
                options,
            )
        )

    def click_place(self, number: int) -> None:
        """Click in the middle of a character of the text, and wait for its alternatives."""
        units = len(self.text[:number].encode("utf-16-le")) // 2
        x, y = self.page.evaluate(
            """(number) => {
              const walker = document.createTreeWalker(document.getElementById("text"), 4);
              let left = number;
              while (walker.nextNode() && left >= walker.currentNode.length) {
                left -= walker.currentNode.length;
              }
              const range = document.createRange();
              range.setStart(walker.currentNode, left);
              const character = String.fromCodePoint(walker.currentNode.data.codePointAt(left));
              range.setEnd(walker.currentNode, left + character.length);
              walker.currentNode.parentElement.scrollIntoView({ block: "center" });
              const { left: x, top, width, height } = range.getBoundingClientRect();
              return [x + width / 2, top + height / 2];
            }""",
            units,
        )
        self.page.mouse.click(x, y)
        self.page.locator("#considered button").first.wait_for()
