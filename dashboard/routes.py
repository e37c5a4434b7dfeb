"""HTTP routes beside the pages: the way to Xero and back, reconnect links, and the health probes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Concatenate, ParamSpec

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import door, failures, navigation
from dashboard.identity import GUEST_COOKIE, signed_in_email
from dashboard.plain import NO_STORE, answering, sentence_page
from services import health, members, reconnects
from services.declined import Declined
from services.desk import Desk, open_desk
from services.links.door import guest
from services.members import Member

BROWSER_COOKIE = "relink_browser"
BROWSER_SECONDS = 3600  # longer than anybody takes to consent

SIGNED_OUT = (
    "You are signed out, so nothing was changed. Sign in, or open your reconnect link again, and press "
    "Reconnect once more."
)

Arguments = ParamSpec("Arguments")


@answering
async def leave_for_xero(request: Request) -> Response:
    """Send the member's browser to Xero's consent page, bound to a cookie of this browser."""
    workspace_id = request.query_params.get("workspace", "")
    member = await _visitor(request)
    if member is None:
        return RedirectResponse(navigation.RECONNECT.link(workspace=workspace_id), 303, NO_STORE)
    browser = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
    answer = await _redirect(reconnects.leave, member, workspace_id, browser)
    answer.set_cookie(
        BROWSER_COOKIE, browser, max_age=BROWSER_SECONDS, path="/connect", httponly=True, samesite="lax"
    )
    return answer


@answering
async def come_back_from_xero(request: Request) -> Response:
    """Take Xero's answer and return to the wizard, which shows what came of it."""
    member = await _visitor(request)
    if member is None:
        return sentence_page(SIGNED_OUT, HTTPStatus.UNAUTHORIZED)
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
        return sentence_page(str(refusal), HTTPStatus.BAD_REQUEST)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, NO_STORE)


async def _visitor(request: Request) -> Member | None:
    """Return the member or the link guest whose browser asks; None for anybody else."""
    return await anyio.to_thread.run_sync(lambda: _find_visitor(open_desk(), request))


def _find_visitor(desk: Desk, request: Request) -> Member | None:
    email = signed_in_email(request.cookies, desk.settings.cookie_secret.get_secret_value())
    with desk.store.read() as session:
        member = None if email is None else members.find(session, email)
        return member or guest(session, request.cookies.get(GUEST_COOKIE, ""))


async def tell_failure(_request: Request, error: Exception) -> Response:
    """Answer a route's failure with a reference in place of a traceback."""
    sentence = f"Something went wrong here, and was written down with the reference {failures.note(error)}."
    return sentence_page(f"{sentence} Go back and try again.", HTTPStatus.INTERNAL_SERVER_ERROR)


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
    *door.ROUTES,
]
