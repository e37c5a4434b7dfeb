"""Xero's rate limits: a minute, a day and five at once per organisation, and a minute for the whole app."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.sandbox.access import find_token
from services.sandbox.store import Base, Sandbox, now, read_setting, write_setting

_ACCOUNTING = re.compile(r"/api\.xro/", re.IGNORECASE)
_CONNECTIONS = re.compile(r"/connections(/|$)", re.IGNORECASE)
#: What the headers say while limits are off: enough for any pace.
_PLENTY = 1_000_000


class LimitsSetting(BaseModel):
    """How much the sandbox lets through; the defaults are Xero's own limits (Core tier and up)."""

    mode: Literal["real", "off"] = "real"
    #: Calls a minute of one app to one organisation.
    per_minute: int = Field(default=60, ge=0)
    #: Calls a day of one app to one organisation.
    per_day: int = Field(default=5000, ge=0)
    #: Calls at once of one app to one organisation.
    concurrent: int = Field(default=5, ge=0)
    #: Calls a minute of one app in all.
    app_per_minute: int = Field(default=10_000, ge=0)
    #: How long a minute is; tests make it short.
    window_seconds: float = Field(default=60, gt=0)
    #: How long a day is.
    day_seconds: float = Field(default=86_400, gt=0)


class Usage(Base):
    """How many calls a counter has seen in the window that it last saw."""

    __tablename__ = "limit_usage"

    counter: Mapped[str] = mapped_column(primary_key=True)
    window: Mapped[int]
    used: Mapped[int]


def read_limits(session: Session) -> LimitsSetting:
    """Return the limits in force."""
    return LimitsSetting.model_validate(read_setting(session, "limits", {}))


def set_limits(session: Session, setting: LimitsSetting) -> None:
    """Put other limits in force and start counting anew."""
    write_setting(session, "limits", setting.model_dump())
    session.query(Usage).delete()


@dataclass(frozen=True, slots=True)
class _Limit:
    """One fixed window with its allowance."""

    #: What `X-Rate-Limit-Problem` calls it.
    problem: str
    #: The response header with what remains.
    header: str
    counter: str
    allowance: int
    length_seconds: float


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether a call may pass, and what its answer says about the limits."""

    headers: dict[str, str]
    #: The exhausted limit; `None` lets the call pass.
    problem: str | None = None


class LimitsMiddleware:
    """Counts API calls by app and organisation, names what remains, and answers 429 past a limit.

    A refused call does not count. Calls with an unknown token are not counted: they reach no organisation.
    """

    def __init__(self, app: ASGIApp, sandbox: Sandbox) -> None:
        self._app = app
        self._sandbox = sandbox
        self._running: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = self._caller(scope) if scope["type"] == "http" else None
        if caller is None:
            await self._app(scope, receive, send)
            return
        verdict = self._judge(caller)
        if verdict.problem:
            await Response(status_code=429, headers=verdict.headers)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(verdict.headers)
            await send(message)

        self._running[caller] += 1
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            self._running[caller] -= 1

    def _caller(self, scope: Scope) -> tuple[str, str] | None:
        """Return the calling app and the organisation it calls, which is empty for `/connections`."""
        accounting = _ACCOUNTING.match(scope["path"])
        if not accounting and not _CONNECTIONS.match(scope["path"]):
            return None
        headers = Headers(scope=scope)
        with self._sandbox.session() as session:
            token = find_token(session, headers.get("authorization"))
        if token is None:
            return None
        return token.client_id, headers.get("xero-tenant-id", "").lower() if accounting else ""

    def _judge(self, caller: tuple[str, str]) -> _Verdict:
        with self._sandbox.session() as session:
            setting = read_limits(session)
            limits = _limits(setting, *caller)
            if setting.mode == "off":
                return _Verdict({limit.header: str(_PLENTY) for limit in limits})
            at = now(session).timestamp()
            used = {limit: _used(session, limit, at) for limit in limits}
            full = next((limit for limit in limits if used[limit] >= limit.allowance), None)
            busy = bool(caller[1]) and self._running[caller] >= setting.concurrent
            passes = full is None and not busy
            if passes:
                _count(session, used, at)
        headers = {limit.header: str(max(0, limit.allowance - used[limit] - passes)) for limit in limits}
        if full is not None:
            retry_after = str(_seconds_left(full, at))
            return _Verdict(
                {**headers, "Retry-After": retry_after, "X-Rate-Limit-Problem": full.problem}, full.problem
            )
        if busy:
            # Xero promises no Retry-After here.
            return _Verdict({**headers, "X-Rate-Limit-Problem": "concurrent"}, "concurrent")
        return _Verdict(headers)


def _limits(setting: LimitsSetting, client_id: str, organisation_id: str) -> list[_Limit]:
    app = _Limit(
        "appminute",
        "X-AppMinLimit-Remaining",
        f"app/{client_id}",
        setting.app_per_minute,
        setting.window_seconds,
    )
    if not organisation_id:
        return [app]
    whose = f"{client_id}/{organisation_id}"
    return [
        _Limit("day", "X-DayLimit-Remaining", f"day/{whose}", setting.per_day, setting.day_seconds),
        _Limit(
            "minute", "X-MinLimit-Remaining", f"minute/{whose}", setting.per_minute, setting.window_seconds
        ),
        app,
    ]


def _position(limit: _Limit, at: float) -> tuple[int, float]:
    """Return the number of the window and the seconds since it began; each counter starts at its own time."""
    hashed = hashlib.sha256(limit.counter.encode()).digest()
    offset_seconds = int.from_bytes(hashed[:4]) / 2**32 * limit.length_seconds
    number, elapsed_seconds = divmod(at + offset_seconds, limit.length_seconds)
    return int(number), elapsed_seconds


def _seconds_left(limit: _Limit, at: float) -> int:
    return max(1, math.ceil(limit.length_seconds - _position(limit, at)[1]))


def _used(session: Session, limit: _Limit, at: float) -> int:
    usage = session.get(Usage, limit.counter)
    return usage.used if usage is not None and usage.window == _position(limit, at)[0] else 0


def _count(session: Session, used: dict[_Limit, int], at: float) -> None:
    for limit, count in used.items():
        session.merge(Usage(counter=limit.counter, window=_position(limit, at)[0], used=count + 1))
