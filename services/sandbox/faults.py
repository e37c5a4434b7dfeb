"""Faults on demand: the next calls that match answer badly, late, or not at all."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from random import Random
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator
from sqlalchemy import delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.store import Base, Sandbox


class Fault(BaseModel):
    """What goes wrong, for which calls, and how often.

    With a `status` the call is answered so and no work is done. `reset` drops the connection instead of
    answering: "before" the work is done or "after" it. `spoil` lets the work be done and its true answer
    arrive without its second half, or without the last element of a batch. A delay comes first, whatever
    follows. With a `share` under 1 it hits by chance, the same calls each time for the same `seed`.
    """

    id: int | None = Field(default=None, description="Given by the sandbox.")
    method: str | None = Field(default=None, description="Only calls with this method.")
    path: str = Field(default=".*", description="A regular expression found in the path, in any case.")
    organisation: str | None = Field(default=None, description="Only calls to this organisation.")
    times: int = Field(default=1, ge=1, description="How many calls it still hits.")
    share: float = Field(default=1, gt=0, le=1, description="Which part of the calls that match it hits.")
    seed: int = 0
    delay_seconds: float = Field(default=0, ge=0)
    status: int | None = Field(default=None, ge=200, le=599)
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    reset: Literal["before", "after"] | None = None
    spoil: Literal["body", "element"] | None = None

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
    #: The fault, and how many calls it has `seen`.
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
        elif fault.spoil is not None:
            answer = await _answer(self._app, scope, received)
            await _spoilt(answer, fault.spoil)(scope, received, send)
        else:
            await self._app(scope, received, send)

    def _next_fault(self, scope: Scope) -> Fault | None:
        if scope["path"].startswith("/sandbox"):
            return None
        with self._sandbox.session() as session:
            for pending in session.scalars(select(PendingFault).order_by(PendingFault.id)):
                fault = pending.as_fault()
                if _matches(fault, scope) and _strikes(fault, pending):
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


def _strikes(fault: Fault, pending: PendingFault) -> bool:
    seen = pending.definition.get("seen", 0) + 1
    pending.definition = {**pending.definition, "seen": seen}
    return Random(f"{fault.seed}/{seen}").random() < fault.share  # noqa: S311 - no secret


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


async def _answer(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Let a call be worked on, and return its answer instead of sending it."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    start, *parts = messages
    headers = MutableHeaders(raw=list(start["headers"]))
    del headers["content-length"]
    return Response(b"".join(part["body"] for part in parts), start["status"], dict(headers))


def _spoilt(answer: Response, what: Literal["body", "element"]) -> Response:
    body = bytes(answer.body)
    answer.body = body[: len(body) // 2] if what == "body" else _without_last_element(body)
    answer.headers["content-length"] = str(len(answer.body))
    return answer


def _without_last_element(body: bytes) -> bytes:
    try:
        envelope = json.loads(body)
    except ValueError:
        return body
    cut = {name: value[:-1] if isinstance(value, list) else value for name, value in envelope.items()}
    return json.dumps(cut).encode()


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
