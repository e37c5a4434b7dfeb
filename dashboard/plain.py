"""Plain HTML pages beside Streamlit's: no script, nothing from elsewhere, light and dark."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard.session import STORE_FAILURES, STORE_SILENT

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


def is_foreign(request: Request) -> bool:
    """Say whether a page of another site sent the browser here: looking at that must do nothing here."""
    return request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


def answering(route: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Have a route say so in a sentence when the store does not answer."""

    @wraps(route)
    async def answered(request: Request) -> Response:
        try:
            return await route(request)
        except STORE_FAILURES:
            return sentence_page(STORE_SILENT, HTTPStatus.SERVICE_UNAVAILABLE)

    return answered
