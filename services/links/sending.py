"""Sending reconnect links: one mail a recipient, nobody mailed twice a day, and taking a link back."""

from __future__ import annotations

import csv
import io
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from services import audit, incidents, letters, members, messages, pausing
from services.declined import Declined
from services.desk import Desk
from services.letters import Invitation, Letter
from services.links import recipients
from services.links.invitations import invitation
from services.links.link import (
    LIFE,
    MAIL_AT_MOST_EVERY,
    MENDABLE,
    Ended,
    end,
    hash_of,
    is_revocable,
    live_of,
    record,
)
from services.links.recipients import Recipient
from services.members import Member, Permission, mask
from services.messages import Channel, Kind
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.locks import lock_word
from services.store.states import IncidentState, LinkState
from services.tabular import safe_cell

AT_MOST = 200  # links at once: each is a row that everybody else waits for
COPIED_AT_MOST = 25  # at once: what is copied is shown once, and a person has to copy each


class Outcome(StrEnum):
    """What came of one workspace's link."""

    MAILED = "on its way by e-mail"
    POSTED = "on its way to chat"
    COPIED = "ready to copy"
    WAITS = "not sent, mailed today"
    DECLINED = "not sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of sending one workspace's link."""

    workspace_id: str
    workspace_name: str
    outcome: Outcome
    sentence: str
    link_id: str | None = None
    recipient: str | None = None  #: the address as far as the sender may see it
    url: str | None = None  #: only of a link to copy, and only this once
    reply: str | None = None  #: words for the ticket


@dataclass(frozen=True, slots=True)
class _Ready:
    """A workspace whose link may go out."""

    workspace: tables.Workspace
    to: Recipient


def send(
    session: Session,
    desk: Desk,
    member: Member,
    workspace_ids: Sequence[str],
    *,
    channel: Channel,
    recipient: str | None = None,
) -> list[Sent]:
    """Send reconnect links and return what came of each, in the order given.

    A link is bound to one workspace and one address, by default the workspace's first admin, else its
    owner, and replaces an earlier one of the same two. One message holds all of a recipient's links;
    who was mailed in the last 24 hours gets none. A workspace that cannot be sent to does not stop
    the others. Raises `NotAllowed`, and `Declined` for too many at once or a channel not set up.
    """
    members.require_role(member, Permission.SEND_LINKS)
    wanted = list(dict.fromkeys(workspace_ids))
    _refuse(desk, len(wanted), channel)
    # Locked in one order, whoever sends what, so that two senders never wait for each other.
    looked = {wanted_id: _look(session, member, wanted_id, recipient) for wanted_id in sorted(wanted)}
    sent = {key: found for key, found in looked.items() if isinstance(found, Sent)}
    for group in _by_recipient(found for found in looked.values() if isinstance(found, _Ready)):
        sent |= {done.workspace_id: done for done in _hand_over(session, desk, member, group, channel)}
    return [sent[wanted_id] for wanted_id in wanted]


def _refuse(desk: Desk, number: int, channel: Channel) -> None:
    if channel not in messages.channels(desk.settings):
        raise Declined(f"Links cannot be sent by {channel} here: it is not set up. Choose another way.")
    most = COPIED_AT_MOST if channel is Channel.COPIED else AT_MOST
    if number > most:
        raise Declined(f"{number:,} links are too many at once. Choose {most:,} or fewer; nothing was sent.")


def _look(session: Session, member: Member, workspace_id: str, recipient: str | None) -> _Ready | Sent:
    """Lock a workspace's connection and say whether its link may go out, and to whom."""
    try:
        members.require(session, member, Permission.SEND_LINKS, workspace_id)
    except members.UnknownWorkspace as unknown:
        return _declined(workspace_id, workspace_id[:40], str(unknown))
    workspace = session.get_one(tables.Workspace, workspace_id)
    connection = session.get_one(tables.Connection, workspace_id, with_for_update=True)
    if connection.leaving_at is not None:
        return _declined(workspace_id, workspace.name, pausing.LEAVING)
    if connection.health not in MENDABLE:
        sentence = f"Its connection is {connection.health}: there is nothing to reconnect."
        return _declined(workspace_id, workspace.name, sentence)
    try:
        to = recipients.choose(session, member, workspace_id, recipient)
    except Declined as refusal:
        return _declined(workspace_id, workspace.name, str(refusal))
    return _Ready(workspace, to)


def _declined(workspace_id: str, name: str, sentence: str) -> Sent:
    return Sent(workspace_id=workspace_id, workspace_name=name, outcome=Outcome.DECLINED, sentence=sentence)


def _by_recipient(ready: Iterator[_Ready]) -> Iterator[list[_Ready]]:
    groups = defaultdict(list)
    for found in ready:
        groups[found.to.email].append(found)
    for email in sorted(groups):
        yield groups[email]


def _hand_over(
    session: Session, desk: Desk, member: Member, group: list[_Ready], channel: Channel
) -> list[Sent]:
    """Make the links of one recipient and put them on their way."""
    now, email = utcnow(), group[0].to.email
    if channel is Channel.EMAIL and (mailed_at := mailed_lately(session, email, now)):
        return [_waits(ready, mailed_at) for ready in group]
    made = []
    for ready in group:
        link, secret = _make(session, member, ready, channel, now)
        made.append((ready, link, invitation(session, desk, link, secret)))
    if channel is not Channel.COPIED:
        letter = letters.invite([invited for _, _, invited in made], sender=member.name)
        message_id = queue_letter(session, desk, Kind.LINK, channel, email, letter)
        for _, link, _ in made:
            link.message_id = message_id
    return [_sent(ready, link, invited, channel) for ready, link, invited in made]


def mailed_lately(session: Session, email: str, now: datetime) -> datetime | None:
    """Return when an address was mailed in the last 24 hours; nobody else mails it before this is over."""
    lock_word(session, f"mail to {email}")
    return messages.mailed_since(session, email, now - MAIL_AT_MOST_EVERY)


def _waits(ready: _Ready, mailed_at: datetime) -> Sent:
    again = mailed_at + MAIL_AT_MOST_EVERY
    return Sent(
        workspace_id=ready.workspace.id,
        workspace_name=ready.workspace.name,
        outcome=Outcome.WAITS,
        recipient=ready.to.shown,
        sentence=f"{ready.to.shown} was mailed already, {_day_and_time(mailed_at)}. Nobody is mailed twice "
        f"a day: send it after {_day_and_time(again)}, or copy the link instead.",
    )


def _day_and_time(when: datetime) -> str:
    return f"{when.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def _make(
    session: Session, member: Member, ready: _Ready, channel: Channel, now: datetime
) -> tuple[tables.ReconnectLink, str]:
    """Make a link, which replaces a live one for the same address; return it with its secret."""
    workspace_id, secret = ready.workspace.id, secrets.token_urlsafe(32)
    for earlier in live_of(session, workspace_id, email=ready.to.email):
        end(session, earlier, Ended.REPLACED, now=now)
    session.flush()
    told = IncidentState.OPEN if channel is Channel.COPIED else IncidentState.ADMIN_TOLD
    link = tables.ReconnectLink(
        id=new_id(),
        workspace_id=workspace_id,
        incident_id=incidents.advance(session, workspace_id, told),
        email=ready.to.email,
        secret_hash=hash_of(secret),
        state=LinkState.SENT,
        channel=channel,
        sent_by=member.email,
        sent_at=now,
        expires_at=now + LIFE,
    )
    session.add(link)
    session.flush()
    record(session, link, "reconnect link sent", _HOW[channel], actor=member.email, now=now)
    return link, secret


_HOW = {
    Channel.EMAIL: "was sent by e-mail",
    Channel.CHAT: "was posted to the chat channels",
    Channel.COPIED: "was copied, to be handed over by hand",
}
_OUTCOMES = {
    Channel.EMAIL: Outcome.MAILED,
    Channel.CHAT: Outcome.POSTED,
    Channel.COPIED: Outcome.COPIED,
}


def queue_letter(
    session: Session, desk: Desk, kind: Kind, channel: Channel, email: str, letter: Letter
) -> str:
    """Queue a letter to an address, or to the chat channels, and return the message's id."""
    return messages.queue(
        session,
        desk.vault,
        kind=kind,
        channel=channel,
        recipient=email,
        subject=letter.subject,
        body=letter.body,
    )


def _sent(ready: _Ready, link: tables.ReconnectLink, invited: Invitation, channel: Channel) -> Sent:
    # Others read the ticket, too: the Xero login is masked there, whoever the link goes to.
    for_ticket = replace(invited, login=mask(invited.login) if invited.login else None)
    return Sent(
        workspace_id=ready.workspace.id,
        workspace_name=ready.workspace.name,
        outcome=_OUTCOMES[channel],
        link_id=link.id,
        recipient=ready.to.shown,
        url=invited.url if channel is Channel.COPIED else None,
        sentence=f"Only {ready.to.shown} can open it, until {_day_and_time(link.expires_at)}.",
        reply=letters.reply([for_ticket], told=channel),
    )


def revoke(session: Session, member: Member, link_id: str, reason: str) -> None:
    """Take a link back that still lets somebody in, in the member's name; whoever opens it reads the reason.

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` for a link that is unknown or has ended, and
    for a reason that is missing or too long.
    """
    members.require_role(member, Permission.SEND_LINKS)
    link = session.get(tables.ReconnectLink, link_id, with_for_update=True)
    if link is None:
        raise Declined("There is no such link. Look for it under Reconnect links.")
    members.require(session, member, Permission.SEND_LINKS, link.workspace_id)
    now, why = utcnow(), audit.reason_of(reason)
    if not is_revocable(link, now):
        raise Declined(f"This link is {link.state} and leads nowhere any more: there is nothing to revoke.")
    if not why:
        raise Declined("Say why the link is revoked: whoever opens it reads that.")
    end(session, link, why, by=member.email, now=now)


def results_csv(sent: Sequence[Sent]) -> str:
    """Return what came of sending as a file: a line a workspace, with the links that are to be copied."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(
        ["workspace", "workspace id", "sent to", "outcome", "note", "link", "words for the ticket"]
    )
    for one in sent:
        cells = (
            one.workspace_name,
            one.workspace_id,
            one.recipient,
            one.outcome,
            one.sentence,
            one.url,
            one.reply,
        )
        lines.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()
