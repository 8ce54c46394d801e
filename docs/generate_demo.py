"""Put the page as it is now around the model that docs/demo.html has: `make docs`.

`make demo-page` trains that model.
"""

import json
import re
import sys
from pathlib import Path

from textgen.exporting.web.page import model_page

PAGE = Path(__file__).parent / "demo.html"
_MODEL = re.compile(r'<script type="application/json" id="textgen-model">(.*?)</script>', re.DOTALL)


def make_page(page: str) -> str:
    """A page with the model of another page.

    Args:
        page: The HTML of the other page.
    """
    match = _MODEL.search(page)
    if match is None:
        sys.exit(f"{PAGE}: has no model; write it again with `make demo-page`")
    return model_page(match[1], json.loads(match[1])["name"])


if __name__ == "__main__":
    PAGE.write_text(make_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
