"""Plain HTML pages beside Streamlit's: no script, nothing from elsewhere, light and dark."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

HERE = Path(__file__).parent
NO_STORE = {"Cache-Control": "no-store"}

_TEMPLATES = Environment(
    loader=FileSystemLoader([HERE / "templates", HERE / "parts"]), autoescape=True, undefined=StrictUndefined
)


def page(template: str, status: HTTPStatus = HTTPStatus.OK, **values: object) -> HTMLResponse:
    """Return the answer that `templates/<template>` makes of these values; no cache keeps it."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status, NO_STORE)


def sentence_page(sentence: str, status: HTTPStatus) -> HTMLResponse:
    """Return a page that says why something did not work."""
    return page("sentence.html", status, sentence=sentence)
