"""Reconnect links in the hands of those they went to: sent, found in the mailbox, confirmed with a code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from services import audit
from services.links import door, lists, sending
from services.links.door import Confirmed, Door, Wrong
from services.links.lists import LinkQuery
from services.links.sending import Sent
from services.members import Member
from services.messages import Channel
from services.store import tables
from services.store.states import Health
from tests.integration.office import Office, Shop

_SECRET = re.compile(r"/link/([A-Za-z0-9_-]+)")
_CODE = re.compile(r"\b\d{6}\b")


def broken(office: Office, *shops: Shop, health: Health = Health.EXPIRED) -> None:
    """Have the connections of workspaces be broken, without a call."""
    for shop in shops:
        office.change(tables.Connection, shop.workspace_id, health=health, code="XERO11")


def send(
    office: Office,
    *shops: Shop,
    member: Member | None = None,
    channel: Channel = Channel.EMAIL,
    recipient: str | None = None,
) -> list[Sent]:
    """Send links for workspaces, as the agent unless told otherwise, and have the mails go out."""
    ids = [shop.workspace_id for shop in shops]
    with office.desk.store.begin() as session:
        sent = sending.send(
            session, office.desk, member or office.agent, ids, channel=channel, recipient=recipient
        )
    office.work_off()
    return sent


def secrets_in(text: str) -> list[str]:
    """Return the secrets of the links in a text."""
    return _SECRET.findall(text)


def mailed_secrets(office: Office, address: str) -> list[str]:
    """Return the secrets of the links in the newest mail to an address."""
    return secrets_in(office.xero.mails(address)[-1].body)


def mailed_code(office: Office, address: str) -> str:
    """Return the code in the newest mail to an address."""
    office.work_off()
    (code,) = _CODE.findall(office.xero.mails(address)[-1].body)
    return str(code)


def copied(office: Office, shop: Shop, *, recipient: str | None = None, member: Member | None = None) -> str:
    """Make a link to copy and return its secret."""
    (sent,) = send(office, shop, channel=Channel.COPIED, recipient=recipient, member=member)
    assert sent.url is not None
    return secrets_in(sent.url)[0]


def ask(office: Office, secret: str) -> None:
    """Ask for a code."""
    with office.desk.store.begin() as session:
        door.ask_code(session, office.desk, secret)


def confirm(office: Office, secret: str, code: str) -> Confirmed | Wrong:
    """Type a code."""
    with office.desk.store.begin() as session:
        return door.confirm(session, office.desk, secret, code)


def come_in(office: Office, secret: str, address: str) -> Confirmed:
    """Come in by a link: ask for the code, find it in the mailbox, type it."""
    ask(office, secret)
    judged = confirm(office, secret, mailed_code(office, address))
    assert isinstance(judged, Confirmed)
    return judged


def look(office: Office, secret: str, guest: str = "") -> Door:
    """Open a link."""
    with office.desk.store.read() as session:
        return door.look(session, office.desk, secret, guest)


def guest(office: Office, cookie: str) -> Member | None:
    """Return the guest that a cookie stands for."""
    with office.desk.store.read() as session:
        return door.guest(session, cookie)


def links_of(office: Office, shop: Shop) -> Sequence[tables.ReconnectLink]:
    """Return the links of a workspace as they are stored, oldest first."""
    with office.desk.store.read() as session:
        query = select(tables.ReconnectLink).where(tables.ReconnectLink.workspace_id == shop.workspace_id)
        return session.scalars(query.order_by(tables.ReconnectLink.sent_at)).all()


def age(office: Office, shop: Shop, by: timedelta) -> None:
    """Let everything that was sent for a workspace, and every mail, be older than it is."""
    for link in links_of(office, shop):
        office.change(
            tables.ReconnectLink, link.id, sent_at=link.sent_at - by, expires_at=link.expires_at - by
        )
    with office.desk.store.begin() as session:
        for message in session.scalars(select(tables.Message)):
            message.queued_at -= by


def other_code(code: str) -> str:
    """Return a code that is not this one."""
    return f"{(int(code) + 1) % 1_000_000:06}"


def search(office: Office, member: Member, **query: object) -> lists.LinkPage:
    """Return the links that a member sees."""
    with office.desk.store.read() as session:
        return lists.search(session, member, LinkQuery(**query))  # type: ignore[arg-type]


def revoke(office: Office, member: Member, link_id: str, reason: str = "Wrong person.") -> None:
    """Take a link back."""
    with office.desk.store.begin() as session:
        sending.revoke(session, member, link_id, reason)


def history(office: Office, shop: Shop) -> list[str]:
    """Return what the history of a workspace tells."""
    with office.desk.store.read() as session:
        return [entry.summary for entry in audit.history(session, shop.workspace_id)]
