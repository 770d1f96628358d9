"""The stand-ins' pages: plain HTML drawn on the server, with every value escaped."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

FOLDER = Path(__file__).parent
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; img-src data:"


def visible(text: str) -> str:
    """Return `text` with its blanks at the ends shown as open boxes."""
    inner = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    return "␣" * start + inner + "␣" * (len(text) - len(inner) - start)


_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined
)
_environment.filters["visible"] = visible


def page(
    request: Request, name: str, links: list[Any], status: int = 200, **model: Any
) -> HTMLResponse:
    """Return the page `name`, drawn from `model`; `links` lead to the other stand-ins."""
    here = str(request.base_url).rstrip("/")
    others = [link for link in links if link["url"] != here]
    text = _environment.get_template(name).render(
        **model, links=others, path=request.url.path, status=status
    )
    return HTMLResponse(text, status, headers={"Content-Security-Policy": POLICY})


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a submitted form, blanks kept."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
