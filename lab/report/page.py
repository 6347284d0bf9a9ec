"""The page itself: the template with everything from users' data escaped, and pictures that stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markupsafe import Markup

_HERE = Path(__file__).parent
_SVG = re.compile(r"<svg .*</svg>", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NAMES = re.compile(r"""(\bid="|href="#|url\(#)""")
_CODE = re.compile(r"`([^`]+)`")
_SIZE = re.compile(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"')


def rendered(context: Mapping[str, Any]) -> str:
    """The HTML of a page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["coded"] = _coded
    # Files of this package, and not of users.
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    return environment.get_template("page.html.j2").render({**context, "style": style, "script": script})


def _coded(text: str) -> Markup:
    """What stands between backticks in a sentence as code; all of it escaped before."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def inline_svgs(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Pictures for the page, by their names. Ids are made unique, since several pictures share one document."""
    from markupsafe import Markup

    # matplotlib has escaped what users named.
    found = []
    for path in sorted(paths):
        match = _SVG.search(path.read_text(encoding="utf-8"))
        if match:
            own = _NAMES.sub(rf"\g<0>{path.stem}-", _METADATA.sub("", match[0]))
            svg = _SIZE.sub(r'<svg \1aria-hidden="true" focusable="false"', own, count=1)
            found.append({"name": path.stem.replace("_", " "), "svg": Markup(svg)})
    return found
