"""Sending reconnect links: one mail a recipient, nobody mailed twice a day, and taking a link back."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from services import audit, incidents, letters, members, messages
from services.declined import Declined
from services.desk import Desk
from services.letters import Invitation
from services.links import recipients
from services.links.link import LIFE, MAIL_AT_MOST_EVERY, MENDABLE, Ended, end, hash_of, is_live, live_of, record
from services.links.recipients import Recipient
from services.members import Member, Permission, mask
from services.messages import Channel, Kind
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.locks import lock_word
from services.store.states import Health, IncidentState, LinkState

AT_MOST = 200  # links at once: each is a row that everybody else waits for
COPIED_AT_MOST = 25  # at once: what is copied is shown once, and a person has to copy each


class Outcome(StrEnum):
    """What came of one workspace's link."""

    MAILED = "sent by e-mail"
    POSTED = "sent to chat"
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
    health: Health
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
    if connection.health not in MENDABLE:
        sentence = f"Its connection is {connection.health}: there is nothing to reconnect."
        return _declined(workspace_id, workspace.name, sentence)
    try:
        to = recipients.choose(session, member, workspace_id, recipient)
    except Declined as refusal:
        return _declined(workspace_id, workspace.name, str(refusal))
    return _Ready(workspace, connection.health, to)


def _declined(workspace_id: str, name: str, sentence: str) -> Sent:
    return Sent(
        workspace_id=workspace_id, workspace_name=name, outcome=Outcome.DECLINED, sentence=sentence
    )


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
    made = [(ready, *_make(session, member, ready, channel, now)) for ready in group]
    if channel is not Channel.COPIED:
        letter = letters.invite([_invitation(desk, ready, secret) for ready, _, secret in made])
        queue_letter(session, desk, Kind.LINK, channel, email, letter)
    return [_sent(desk, ready, link, secret, channel) for ready, link, secret in made]
