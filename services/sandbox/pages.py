"""Renders the sandbox's pages: no script, no request elsewhere, never inside a frame."""

from __future__ import annotations

from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def render(template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Answer with a page made from `templates/<template>`."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(values), status, _HEADERS)


def error_page(code: str, explanation: str) -> HTMLResponse:
    """Answer with Xero's own error page: nobody is sent back to the app."""
    return render("error.html", status=400, code=code, explanation=explanation)
