"""HTTP routes beside the pages: the way to Xero and back, reconnect links, and the health probes."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard import door, failures, navigation
from dashboard.identity import GUEST_COOKIE, signed_in_email
from dashboard.plain import NO_STORE, answering, is_foreign, page, sentence_page
from services import health, members, reconnects, result_files
from services.consents import ForeignState
from services.declined import Declined
from services.desk import Desk, open_desk
from services.links import door as door_service
from services.members import Member
from services.result_files import Format

BROWSER_COOKIE = "relink_browser"
BROWSER_SECONDS = 3600  # longer than anybody takes to consent

SIGNED_OUT = (
    "You are signed out, so nothing was changed. Sign in, or open your reconnect link again, and press "
    "Reconnect once more."
)

NO_FILE = "You are signed out, or this is not yours to see. Sign in, open the retry and download it there."
NO_FORMAT = "Results come as CSV or XLSX. Go back to the retry and choose one of the two."


class SignedOut(Declined):
    """Somebody came back from Xero whom this browser does not know any more."""


@answering
async def leave_for_xero(request: Request) -> Response:
    """Send the visitor's browser to Xero's consent page, bound to a cookie of this browser."""
    browser = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
    answer = await _redirect(lambda desk: _leave(desk, request, browser))
    answer.set_cookie(
        BROWSER_COOKIE, browser, max_age=BROWSER_SECONDS, path="/connect", httponly=True, samesite="lax"
    )
    return answer


def _leave(desk: Desk, request: Request, browser: str) -> str:
    workspace_id = request.query_params.get("workspace", "")
    visitor = _find_visitor(desk, request)
    if visitor is None or is_foreign(request):
        return navigation.RECONNECT.link(workspace=workspace_id)  # which asks to sign in, or to press
    take_over = request.query_params.get("take_over") == "1"
    return reconnects.leave(desk, visitor, workspace_id, browser, take_over=take_over)


@answering
async def come_back_from_xero(request: Request) -> Response:
    """Take Xero's answer and return to the wizard, which shows what came of it."""
    return await _redirect(lambda desk: _return(desk, request))


def _return(desk: Desk, request: Request) -> str:
    visitor = _find_visitor(desk, request)
    if visitor is None:
        raise SignedOut(SIGNED_OUT)
    browser = request.cookies.get(BROWSER_COOKIE, "")
    workspace_id = reconnects.come_back(desk, visitor, browser, dict(request.query_params))
    return navigation.RECONNECT.link(workspace=workspace_id)


async def _redirect(way: Callable[[Desk], str]) -> Response:
    """Go where `way` leads; what is declined on it is said on a page of its own."""
    try:
        address = await anyio.to_thread.run_sync(lambda: way(open_desk()))
    except SignedOut as refusal:
        return sentence_page(str(refusal), HTTPStatus.UNAUTHORIZED)
    except ForeignState as foreign:
        return page("refusal.html", HTTPStatus.BAD_REQUEST, refusal=foreign.refusal)
    except Declined as refusal:
        return sentence_page(str(refusal), HTTPStatus.BAD_REQUEST)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, NO_STORE)


def _find_visitor(desk: Desk, request: Request) -> Member | None:
    """Return the member or the link guest whose browser asks; None for anybody else."""
    email = signed_in_email(request.cookies, desk.settings.cookie_secret.get_secret_value())
    with desk.store.read() as session:
        member = None if email is None else members.find(session, email)
        return door_service.visitor(session, member, request.cookies.get(GUEST_COOKIE, ""))


@answering
async def download_results(request: Request) -> Response:
    """Give away what became of every export of a retry, as a file made at this moment."""
    plan_id, word = request.path_params["plan_id"], request.path_params["format"]
    if word not in tuple(Format):
        return sentence_page(NO_FORMAT, HTTPStatus.NOT_FOUND)
    format = Format(word)
    try:
        path = await anyio.to_thread.run_sync(lambda: _results(open_desk(), request, plan_id, format))
    except Declined as refusal:
        return sentence_page(str(refusal), HTTPStatus.NOT_FOUND)
    return FileResponse(
        path,
        headers=NO_STORE,
        media_type=result_files.MEDIA_TYPES[format],
        filename=f"retry-{plan_id[:8]}.{format}",
        background=BackgroundTask(path.unlink),
    )


def _results(desk: Desk, request: Request, plan_id: str, format: Format) -> Path:
    visitor = _find_visitor(desk, request)
    if visitor is None or not navigation.may_open(visitor, navigation.RETRY):
        raise Declined(NO_FILE)
    with tempfile.NamedTemporaryFile(suffix=f".{format}", delete=False) as file:
        path = Path(file.name)
    try:
        with desk.store.read() as session:
            result_files.write(session, visitor, plan_id, format, path)
    except BaseException:
        path.unlink()
        raise
    return path


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
    Route("/download/retry/{plan_id}/results.{format}", download_results),
    Route("/healthz", healthz),
    Route("/readyz", readyz),
    *door.ROUTES,
]
