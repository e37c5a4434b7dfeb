"""Reconnect links for the small world: handed over, and the codes that were mailed for them."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select

from services.desk import Desk
from services.links import door, sending
from services.links.door import Confirmed
from services.members import Member
from services.messages import Channel
from services.store import tables
from services.store.states import Role
from tests.integration.web import world

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


def hand_over(desk: Desk, *, workspace_id: str = world.BROKEN, recipient: str = world.ADMIN) -> str:
    """Make a link to copy and return its secret."""
    with desk.store.begin() as session:
        (sent,) = sending.send(
            session, desk, AGENT, [workspace_id], channel=Channel.COPIED, recipient=recipient
        )
    assert sent.url is not None, sent.sentence
    return sent.url.rpartition("/")[2]


def last_code(desk: Desk) -> str:
    """Return the code in the newest message; there is no worker that sends it."""
    with desk.store.read() as session:
        newest = select(tables.Message).order_by(tables.Message.queued_at.desc()).limit(1)
        message = session.scalars(newest).one()
    text = desk.vault.open(message.body or b"")["text"]
    (code,) = re.findall(r"\b\d{6}\b", text)
    return str(code)


def come_in(desk: Desk, secret: str) -> str:
    """Confirm the address of a link and return the guest's cookie."""
    with desk.store.begin() as session:
        door.ask_code(session, desk, secret)
    with desk.store.begin() as session:
        judged = door.confirm(session, desk, secret, last_code(desk))
    assert isinstance(judged, Confirmed)
    return judged.guest


def the_link(desk: Desk) -> tables.ReconnectLink:
    """Return the newest link."""
    with desk.store.read() as session:
        newest = select(tables.ReconnectLink).order_by(tables.ReconnectLink.sent_at.desc()).limit(1)
        return session.scalars(newest).one()


def change_link(desk: Desk, **values: Any) -> None:
    """Set columns of the newest link."""
    link = the_link(desk)
    with desk.store.begin() as session:
        stored = session.get_one(tables.ReconnectLink, link.id)
        for name, value in values.items():
            setattr(stored, name, value)


def revoke(desk: Desk, reason: str = "Has left the company.") -> None:
    """Take the newest link back."""
    link = the_link(desk)
    with desk.store.begin() as session:
        sending.revoke(session, AGENT, link.id, reason)
