"""Faults on demand: the next calls that match answer badly, late, or not at all."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.store import Base, Sandbox


class Fault(BaseModel):
    """What goes wrong, for which calls, and how often.

    With a `status` the call is answered so and no work is done. `reset` drops the connection instead of
    answering: "before" the work is done or "after" it. A delay comes first, whatever follows.
    """

    id: int | None = Field(default=None, description="Given by the sandbox.")
    method: str | None = Field(default=None, description="Only calls with this method.")
    path: str = Field(default=".*", description="A regular expression found in the path, in any case.")
    organisation: str | None = Field(default=None, description="Only calls to this organisation.")
    times: int = Field(default=1, ge=1, description="How many calls it still hits.")
    delay_seconds: float = Field(default=0, ge=0)
    status: int | None = Field(default=None, ge=200, le=599)
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    reset: Literal["before", "after"] | None = None

    @field_validator("path")
    @classmethod
    def _path_compiles(cls, path: str) -> str:
        try:
            re.compile(path)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return path


class PendingFault(Base):
    """A fault that still has calls to hit."""

    __tablename__ = "faults"

    id: Mapped[int] = mapped_column(primary_key=True)
    times: Mapped[int]
    definition: Mapped[dict[str, Any]]

    def as_fault(self) -> Fault:
        return Fault.model_validate({**self.definition, "id": self.id, "times": self.times})


def add_fault(session: Session, fault: Fault) -> Fault:
    """Arm a fault and return it with its id; of several that match a call the oldest hits."""
    pending = PendingFault(times=fault.times, definition=fault.model_dump(exclude={"id", "times"}))
    session.add(pending)
    session.flush()
    return pending.as_fault()


def list_faults(session: Session) -> list[Fault]:
    """Return the faults that still have calls to hit, oldest first."""
    return [pending.as_fault() for pending in session.scalars(select(PendingFault).order_by(PendingFault.id))]


def clear_faults(session: Session) -> None:
    """Disarm every fault."""
    session.execute(delete(PendingFault))


class FaultsMiddleware:
    """Applies armed faults to every call but those of the control API.

    It stands inside the limits, so that a delayed call occupies one of the five places of its organisation.
    """

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._next_fault(scope) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        received = await _received(receive)
        await asyncio.sleep(fault.delay_seconds)
        if fault.reset is not None:
            if fault.reset == "after":
                await self._app(scope, received, _keep_silent)
            await _drop_connection(receive)
        elif fault.status is not None:
            await Response(fault.body, fault.status, fault.headers)(scope, received, send)
        else:
            await self._app(scope, received, send)

    def _next_fault(self, scope: Scope) -> Fault | None:
        if scope["path"].startswith("/sandbox"):
            return None
        with self._sandbox.session() as session:
            for pending in session.scalars(select(PendingFault).order_by(PendingFault.id)):
                fault = pending.as_fault()
                if _matches(fault, scope):
                    _use_up(session, pending)
                    return fault
        return None


def _matches(fault: Fault, scope: Scope) -> bool:
    organisation = Headers(scope=scope).get("xero-tenant-id", "").lower()
    return (
        (fault.method is None or fault.method.upper() == scope["method"])
        and (fault.organisation is None or fault.organisation.lower() == organisation)
        and re.search(fault.path, scope["path"], re.IGNORECASE) is not None
    )


def _use_up(session: Session, pending: PendingFault) -> None:
    if pending.times == 1:
        session.delete(pending)
    else:
        pending.times -= 1


async def _received(receive: Receive) -> Receive:
    """Take in the whole call, so that its work is done even if its caller is gone by then, as at Xero."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())

    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return replay


async def _keep_silent(_message: Message) -> None:
    """Take an answer and send nothing."""


async def _drop_connection(receive: Receive) -> None:
    """Reset the TCP connection under the call, so that its caller never learns what happened.

    Uvicorn's `receive` is a method of the object that holds the transport; ASGI has no word for this.
    """
    transport: asyncio.Transport = receive.__self__.transport  # type: ignore[attr-defined]
    # Lingering for no time makes the system send RST instead of an orderly end.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    # Uvicorn answers 500 for a call that ends in silence, unless it knows that the caller is gone.
    while (await receive())["type"] != "http.disconnect":
        pass
