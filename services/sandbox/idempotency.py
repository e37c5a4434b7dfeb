"""`Idempotency-Key`: a repeated write within six minutes gets the first answer again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.requests import Request
from starlette.responses import Response

from services.sandbox.store import Base

#: Xero keeps a key for six minutes from its first call.
MEMORY = timedelta(minutes=6)
#: Longest key that Xero takes (OpenAPI parameter `idempotencyKey`).
LONGEST_KEY = 128


class RememberedCall(Base):
    """The answer to the first call with a key; keys belong to an app, not to an organisation."""

    __tablename__ = "remembered_calls"

    client_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    content_type: Mapped[str]
    body: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class BadKey(Exception):
    """The key cannot be used for this request; becomes Xero's 400."""


def answer_once(
    session: Session,
    request: Request,
    body: bytes,
    *,
    client_id: str,
    at: datetime,
    work: Callable[[], Response],
) -> Response:
    """Do the work of a write, or replay what the first call with its key answered, errors included.

    The check and the work run without a pause on one thread, so two calls with one key never both work.
    Raises `BadKey` where the key was first used with another method, URL or body, or is too long.
    """
    key = request.headers.get("idempotency-key", "")
    if not key or request.method not in {"POST", "PUT", "PATCH"}:
        return work()
    if len(key) > LONGEST_KEY:
        raise BadKey(f"Idempotency Key: the maximum length is {LONGEST_KEY} characters.")
    fingerprint = _fingerprint(request, body)
    session.execute(delete(RememberedCall).where(RememberedCall.expires_at <= at))
    first = session.get(RememberedCall, (client_id, key))
    if first is None:
        return _remember(session, work(), key=key, fingerprint=fingerprint, client_id=client_id, at=at)
    if first.fingerprint != fingerprint:
        raise BadKey(f"Idempotency Key: {key} is used with a different request.")
    return Response(first.body, first.status, media_type=first.content_type)


def _remember(
    session: Session, response: Response, *, key: str, fingerprint: str, client_id: str, at: datetime
) -> Response:
    session.add(
        RememberedCall(
            client_id=client_id,
            key=key,
            fingerprint=fingerprint,
            status=response.status_code,
            content_type=response.headers["content-type"],
            body=bytes(response.body),
            expires_at=at + MEMORY,
        )
    )
    return response


def _fingerprint(request: Request, body: bytes) -> str:
    target = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(target.encode() + body).hexdigest()
