"""A log of the calls that reached the API and the token endpoint."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.store import Base, Sandbox, now

_LOGGED = re.compile(r"/(api\.xro|connections|connect/(token|revocation))(/|$)", re.IGNORECASE)
_ID = re.compile(r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=/|$)", re.IGNORECASE)
_FILE_NAME = re.compile(r"(/Attachments)/[^/]+$", re.IGNORECASE)
#: What counts as the status of a call whose connection was dropped.
NO_ANSWER = 0


class LoggedCall(Base):
    """One call: what was asked of whom and what it was answered."""

    __tablename__ = "calls"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    method: Mapped[str]
    #: The path with `{id}` and `{name}` in place of what differs from call to call.
    path: Mapped[str]
    #: Empty for calls that concern no single organisation.
    organisation_id: Mapped[str] = mapped_column(index=True)
    #: `grant_type` of a call to the token endpoint.
    grant_type: Mapped[str]
    status: Mapped[int]


class LoggedKey(Base):
    """The `Idempotency-Key` of one call that had one."""

    __tablename__ = "call_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    key: Mapped[str]


class CallsMiddleware:
    """Logs calls with the status that the caller saw.

    The token endpoint says what it was asked by setting `request.state.grant_type`.
    """

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _LOGGED.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        status = NO_ANSWER
        scope.setdefault("state", {})

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._log(scope, status)
            await send(message)

        await self._app(scope, receive, send_and_note)
        if status == NO_ANSWER:
            self._log(scope, status)

    def _log(self, scope: Scope, status: int) -> None:
        headers, path = Headers(scope=scope), _template(scope["path"])
        with self._sandbox.session() as session:
            if key := headers.get("idempotency-key"):
                session.add(LoggedKey(path=path, key=key))
            session.add(
                LoggedCall(
                    at=now(session),
                    method=scope["method"],
                    path=path,
                    organisation_id=headers.get("xero-tenant-id", "").lower(),
                    grant_type=scope["state"].get("grant_type", ""),
                    status=status,
                )
            )


def calls(session: Session, organisation_id: str | None = None) -> dict[str, Any]:
    """Count the logged calls: `{"total", "by_status", "refreshes", "by_path"}`; a path reads `PUT /...`."""
    counted = select(
        LoggedCall.method, LoggedCall.path, LoggedCall.status, LoggedCall.grant_type, func.count()
    ).group_by(LoggedCall.method, LoggedCall.path, LoggedCall.status, LoggedCall.grant_type)
    if organisation_id is not None:
        counted = counted.where(LoggedCall.organisation_id == organisation_id)
    by_status: Counter[str] = Counter()
    by_path: Counter[str] = Counter()
    refreshes = 0
    for method, path, status, grant_type, count in session.execute(counted):
        by_status[str(status)] += count
        by_path[f"{method} {path}"] += count
        refreshes += count if grant_type == "refresh_token" else 0
    return {
        "total": by_status.total(),
        "by_status": dict(by_status),
        "refreshes": refreshes,
        "by_path": dict(by_path),
    }


def keys(session: Session, path: str) -> dict[str, int]:
    """Count the logged calls with this path by their idempotency key, those without one left out."""
    counted = select(LoggedKey.key, func.count()).where(LoggedKey.path == path).group_by(LoggedKey.key)
    return dict(session.execute(counted).all())


def clear_calls(session: Session) -> None:
    """Forget every logged call."""
    session.execute(delete(LoggedCall))
    session.execute(delete(LoggedKey))


def _template(path: str) -> str:
    return _FILE_NAME.sub(r"\1/{name}", _ID.sub("/{id}", path))
