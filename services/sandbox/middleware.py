"""What surrounds every answer: the correlation id, and outages of the whole API."""

from __future__ import annotations

import re
import uuid

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.problems import OUTAGE_TEXTS
from services.sandbox.store import Sandbox, read_setting

#: The identity server stays up while the API is down.
_API_PATH = re.compile(r"/(api\.xro|connections)(/|$)", re.IGNORECASE)


class CorrelationMiddleware:
    """Puts a `Xero-Correlation-Id` on every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Xero-Correlation-Id"] = str(uuid.uuid4())
            await send(message)

        await self._app(scope, receive, send_with_id)


class OutageMiddleware:
    """Answers 503 for the whole API while the control API says so."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = self._outage_text() if scope["type"] == "http" and _API_PATH.match(scope["path"]) else None
        answer = self._app if text is None else PlainTextResponse(text, 503)
        await answer(scope, receive, send)

    def _outage_text(self) -> str | None:
        with self._sandbox.session() as session:
            mode = read_setting(session, "maintenance", {"mode": "none"})["mode"]
        return OUTAGE_TEXTS.get(mode)
