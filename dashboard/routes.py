"""HTTP routes beside the pages: the way to Xero and back, and the health probes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Concatenate, ParamSpec

import anyio.to_thread
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import failures, navigation
from dashboard.identity import signed_in_email
from dashboard.session import STORE_FAILURES, STORE_SILENT
from services import health, members, reconnects
from services.declined import Declined
from services.desk import Desk, open_desk
from services.members import Member

BROWSER_COOKIE = "relink_browser"
BROWSER_SECONDS = 3600  # longer than anybody takes to consent
NO_STORE = {"Cache-Control": "no-store"}

SIGNED_OUT = (
    "You are signed out, so nothing was changed. Sign in, open the workspace and press Reconnect again."
)

Arguments = ParamSpec("Arguments")


async def leave_for_xero(request: Request) -> Response:
    """Send the member's browser to Xero's consent page, bound to a cookie of this browser."""
    workspace_id = request.query_params.get("workspace", "")
    member = await _visitor(request)
    if member is None:
        return RedirectResponse(navigation.RECONNECT.link(workspace=workspace_id), 303, NO_STORE)
    browser = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
    take_over = request.query_params.get("take_over") == "1"
    answer = await _redirect(reconnects.leave, member, workspace_id, browser, take_over=take_over)
    answer.set_cookie(
        BROWSER_COOKIE, browser, max_age=BROWSER_SECONDS, path="/connect", httponly=True, samesite="lax"
    )
    return answer


async def come_back_from_xero(request: Request) -> Response:
    """Take Xero's answer and return to the wizard, which shows what came of it."""
    member = await _visitor(request)
    if member is None:
        return _page(SIGNED_OUT, HTTPStatus.UNAUTHORIZED)
    browser = request.cookies.get(BROWSER_COOKIE, "")
    return await _redirect(_return, member, browser, dict(request.query_params))


def _return(desk: Desk, member: Member, browser: str, query: dict[str, str]) -> str:
    return navigation.RECONNECT.link(workspace=reconnects.come_back(desk, member, browser, query))


async def _redirect(
    service: Callable[Concatenate[Desk, Arguments], str],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> Response:
    try:
        address = await anyio.to_thread.run_sync(lambda: service(open_desk(), *args, **kwargs))
    except Declined as refusal:
        return _page(str(refusal), HTTPStatus.BAD_REQUEST)
    except STORE_FAILURES:
        return _page(STORE_SILENT, HTTPStatus.SERVICE_UNAVAILABLE)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, NO_STORE)


async def _visitor(request: Request) -> Member | None:
    """Return the member whose browser asks; None for somebody signed out, or whom nobody has added."""
    return await anyio.to_thread.run_sync(lambda: _find_visitor(open_desk(), request))


def _find_visitor(desk: Desk, request: Request) -> Member | None:
    email = signed_in_email(request.cookies, desk.settings.cookie_secret.get_secret_value())
    if email is None:
        return None
    with desk.store.read() as session:
        return members.find(session, email)


async def tell_failure(_request: Request, error: Exception) -> Response:
    """Answer a route's failure with a reference in place of a traceback."""
    sentence = f"Something went wrong here, and was written down with the reference {failures.note(error)}."
    return _page(f"{sentence} Go back and try again.", HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(sentence: str, status: HTTPStatus) -> HTMLResponse:
    page = Markup(
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Relink</title>'
        "<style>:root{{color-scheme:light dark}}body{{font:15px/1.5 system-ui;max-width:34rem;"
        "margin:15vh auto;padding:0 1.25rem}}h1{{font-size:1.3rem}}</style>"
        "<main><h1>This did not work</h1><p>{}</p>"
        '<p><a href="/">Go to your workspaces</a></p></main>'
    ).format(sentence)
    return HTMLResponse(page, status, NO_STORE)


async def healthz(_request: Request) -> Response:
    """Answer that this process lives."""
    return PlainTextResponse("ok")


async def readyz(_request: Request) -> Response:
    """Answer whether pages can be served: the store with its migrations, and a worker that lives."""
    ready = await anyio.to_thread.run_sync(lambda: health.ready(open_desk()))
    status = HTTPStatus.OK if ready.store and ready.worker else HTTPStatus.SERVICE_UNAVAILABLE
    body = {"store": ready.store, "worker": ready.worker, "detail": ready.detail}
    return JSONResponse(body, status, NO_STORE)


ROUTES = [
    Route("/connect/xero", leave_for_xero),
    Route("/connect/xero/callback", come_back_from_xero),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
]
