"""The HTTP side of reconnect links: a secret leaves the address bar at once, a code confirms the address."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import parse_qs

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard import navigation, plain
from dashboard.identity import GUEST_COOKIE
from dashboard.parts import door_words, markup, words
from dashboard.parts.door_words import Words
from dashboard.plain import answering
from services.declined import Declined
from services.desk import open_desk
from services.links import door
from services.links.door import Answer, Confirmed

LINK_COOKIE = "relink_link"  # the secret, so that it stands in no address
LINK_SECONDS = 2 * 3600  # longer than a code takes to arrive
FORM_BYTES = 1000

FORGOTTEN = Words(
    "Open the link once more",
    "This browser does not remember which link it was.",
    "Press the link in your message again.",
)
LEFT = Words(
    "You have left",
    "This browser is out. The link stays good until it expires.",
    "Open it again to go on, here or elsewhere.",
)


@answering
async def open_link(request: Request) -> Response:
    """Put the secret of a link into a cookie and lead to the door, whose address says nothing."""
    secret = request.path_params["secret"]

    def work() -> Response:
        with open_desk().store.read() as session:
            found = door.look(session, open_desk(), secret, _guest(request))
        if found.answer is Answer.UNKNOWN:
            return _ended(found)
        answer = _to("/link")
        _keep(answer, LINK_COOKIE, secret, LINK_SECONDS, path="/link")
        return answer

    return await anyio.to_thread.run_sync(work)


@answering
async def show_door(request: Request) -> Response:
    """Ask for the code, or say why the link leads nowhere; lead on where the address is confirmed."""
    return await anyio.to_thread.run_sync(lambda: _door(request))


@answering
async def send_code(request: Request) -> Response:
    """Have a code mailed to the link's address."""

    if plain.is_foreign(request):
        return _to("/link")

    def work() -> Response:
        try:
            with open_desk().store.begin() as session:
                door.ask_code(session, open_desk(), _secret(request))
        except Declined as refusal:
            return _door(request, notice=str(refusal))
        return _to("/link")

    return await anyio.to_thread.run_sync(work)


@answering
async def confirm(request: Request) -> Response:
    """Judge the code that was typed; the right one leads to the wizard."""
    if plain.is_foreign(request):
        return _to("/link")
    typed = await _typed_code(request)

    def work() -> Response:
        try:
            with open_desk().store.begin() as session:
                judged = door.confirm(session, open_desk(), _secret(request), typed)
        except Declined as refusal:
            return _door(request, notice=str(refusal))
        if not isinstance(judged, Confirmed):
            return _door(request, notice=judged.sentence)
        answer = _to(navigation.RECONNECT.link(workspace=judged.workspace_id))
        _keep(answer, GUEST_COOKIE, judged.guest, judged.seconds, path="/")
        return answer

    return await anyio.to_thread.run_sync(work)


@answering
async def leave(request: Request) -> Response:
    """End the guest's session in this browser."""

    if plain.is_foreign(request):
        return _to("/link")

    def work() -> Response:
        with open_desk().store.begin() as session:
            door.leave(session, _guest(request))
        answer = plain.page("link_words.html", words=LEFT)
        _keep(answer, GUEST_COOKIE, "", 0, path="/")
        _keep(answer, LINK_COOKIE, "", 0, path="/link")
        return answer

    return await anyio.to_thread.run_sync(work)


def _door(request: Request, notice: str = "") -> Response:
    secret = _secret(request)
    if not secret:
        return plain.page("link_words.html", HTTPStatus.NOT_FOUND, words=FORGOTTEN)
    with open_desk().store.read() as session:
        found = door.look(session, open_desk(), secret, _guest(request))
    if found.answer is Answer.INSIDE:
        return _to(navigation.RECONNECT.link(workspace=found.workspace_id))
    if found.answer is not Answer.ASK:
        return _ended(found)
    left = words.span((found.code_until - words.now()).total_seconds()) if found.code_until else ""
    status = HTTPStatus.BAD_REQUEST if notice else HTTPStatus.OK
    return plain.page("link.html", status, door=found, notice=notice, left=left, moment=markup.moment)


def _ended(found: door.Door) -> Response:
    status = HTTPStatus.NOT_FOUND if found.answer is Answer.UNKNOWN else HTTPStatus.GONE
    return plain.page("link_words.html", status, words=door_words.ended(found))


def _to(address: str) -> Response:
    return RedirectResponse(address, HTTPStatus.SEE_OTHER, plain.NO_STORE)


def _keep(answer: Response, name: str, value: str, seconds: int, *, path: str) -> None:
    answer.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax")


def _secret(request: Request) -> str:
    return request.cookies.get(LINK_COOKIE, "")


def _guest(request: Request) -> str:
    return request.cookies.get(GUEST_COOKIE, "")


async def _typed_code(request: Request) -> str:
    """Return the code of the form; of a body too large to be that form, nothing."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES:
            return ""
    return parse_qs(body.decode("latin-1")).get("code", [""])[0]


ROUTES = [
    Route("/link", show_door),
    Route("/link/code", send_code, methods=["POST"]),
    Route("/link/confirm", confirm, methods=["POST"]),
    Route("/link/leave", leave, methods=["POST"]),
    Route("/link/{secret}", open_link),
]
