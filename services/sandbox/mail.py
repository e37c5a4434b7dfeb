"""A stand-in for everybody's mailbox and chat: takes what Apprise's `json://` posts, and shows it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox.pages import render
from services.sandbox.store import Base, now

SHOWN = 50  # of a mailbox, the newest
_LINK = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:!?)])")


class Posting(BaseModel):
    """What Apprise posts, as far as it is kept."""

    title: str = ""
    message: str


class Mail(Base):
    """One mail or chat message, with the address that it was posted to."""

    __tablename__ = "mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Lower case.
    address: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    message: Mapped[str]
    received_at: Mapped[datetime]

    @property
    def parts(self) -> Sequence[tuple[str, bool]]:
        """Return the text in pieces, and of each whether it is a link."""
        return [(text, bool(place % 2)) for place, text in enumerate(_LINK.split(self.message))]


def mails(session: Session, address: str | None = None) -> list[dict[str, Any]]:
    """Return every mail, or those to one address, oldest first."""
    wanted = select(Mail).order_by(Mail.id)
    if address is not None:
        wanted = wanted.where(Mail.address == address.lower())
    return [
        {
            "address": mail.address,
            "title": mail.title,
            "message": mail.message,
            "received_at": mail.received_at.isoformat(),
        }
        for mail in session.scalars(wanted)
    ]


def clear_mails(session: Session) -> None:
    """Empty every mailbox."""
    session.execute(delete(Mail))


async def take(request: Request) -> Response:
    """`POST /mail/{address}`: put a mail into a mailbox, which needs no other making."""
    try:
        posting = Posting.model_validate_json(await request.body())
    except ValidationError:
        return JSONResponse({"error": "A mail is JSON with a message."}, 400)
    address = request.path_params["address"].lower()
    with request.app.state.sandbox.session() as session:
        session.add(
            Mail(address=address, title=posting.title, message=posting.message, received_at=now(session))
        )
    return Response(status_code=204)


async def list_mailboxes(request: Request) -> Response:
    """`GET /mail`: every mailbox that something came to, the latest first."""
    with request.app.state.sandbox.session() as session:
        rows = session.execute(
            select(Mail.address, func.count(), func.max(Mail.received_at))
            .group_by(Mail.address)
            .order_by(func.max(Mail.id).desc())
        )
        boxes = [
            {"address": address, "url": f"/mail/{quote(address)}", "count": count, "latest_at": latest_at}
            for address, count, latest_at in rows
        ]
    return render("mailboxes.html", boxes=boxes)


async def show_mailbox(request: Request) -> Response:
    """`GET /mail/{address}`: one mailbox, newest mail first."""
    address = request.path_params["address"].lower()
    with request.app.state.sandbox.session() as session:
        found = session.scalars(
            select(Mail).where(Mail.address == address).order_by(Mail.id.desc()).limit(SHOWN)
        )
        return render("mailbox.html", address=address, mails=list(found))


routes = [
    Route("/mail", list_mailboxes, methods=["GET"]),
    Route("/mail/{address:path}", take, methods=["POST"]),
    Route("/mail/{address:path}", show_mailbox, methods=["GET"]),
]
