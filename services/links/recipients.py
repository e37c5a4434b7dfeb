"""To whom a workspace's reconnect link may go, and how much of the address the sender sees."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import members
from services.declined import Declined
from services.members import Member, Permission, mask
from services.store import tables
from services.store.states import Role

_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
LONGEST, LONGEST_NAME = 254, 64  # of an address, and of what stands before the @ (RFC 5321, erratum 1690)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody a link may be sent to."""

    email: str
    shown: str  #: the address as far as the sender may see it
    who: str  #: what they are to the workspace


@dataclass(frozen=True, slots=True)
class Recipients:
    """Whom a link of one workspace may go to, the default first."""

    offered: tuple[Recipient, ...]
    may_type: bool  #: whether any other address may be typed


@dataclass(frozen=True, slots=True)
class _People:
    """The addresses that a workspace knows, in lower case."""

    admins: list[str]
    owner: str
    login: str | None  #: of the Xero login behind it


def for_workspace(session: Session, member: Member, workspace_id: str) -> Recipients:
    """Return whom the member may send this workspace's link to.

    Raises `NotAllowed` and `UnknownWorkspace`.
    """
    members.require(session, member, Permission.SEND_LINKS, workspace_id)
    people = _people(session, [workspace_id])[workspace_id]
    admins, owner, login = people.admins, people.owner, people.login
    named = dict.fromkeys(admins, "admin") | ({owner: "owner"} if owner not in admins else {})
    offered = [Recipient(email, email, who) for email, who in named.items()]
    if login is not None and login not in named:
        offered.append(Recipient(login, mask(login) if member.sees_everything else login, "Xero login"))
    return Recipients(tuple(offered), may_type=member.role in (Role.OWNER, Role.ADMIN))


def _people(session: Session, workspace_ids: Collection[str]) -> dict[str, _People]:
    """Return whom each workspace knows, in three queries however many they are."""
    admins = defaultdict(list)
    of_workspaces = session.execute(
        select(tables.WorkspaceAdmin.workspace_id, tables.WorkspaceAdmin.email)
        .where(tables.WorkspaceAdmin.workspace_id.in_(workspace_ids))
        .order_by(tables.WorkspaceAdmin.email)
    )
    for workspace_id, email in of_workspaces:
        admins[workspace_id].append(email.lower())
    owners = session.execute(
        select(tables.Workspace.id, tables.Workspace.owner_email).where(
            tables.Workspace.id.in_(workspace_ids)
        )
    )
    logins = session.execute(
        select(tables.Connection.workspace_id, tables.Grant.email)
        .join(tables.Grant, tables.Grant.id == tables.Connection.grant_id)
        .where(tables.Connection.workspace_id.in_(workspace_ids))
    )
    login = {workspace_id: email.lower() for workspace_id, email in logins if email}
    return {key: _People(admins[key], owner.lower(), login.get(key)) for key, owner in owners}


def defaults(session: Session, workspaces: Sequence[tables.Workspace]) -> dict[str, str]:
    """Return, by workspace, whom a link goes to unless somebody else is chosen: an admin, else the owner."""
    first_admins = session.execute(
        select(tables.WorkspaceAdmin.workspace_id, func.min(tables.WorkspaceAdmin.email))
        .where(tables.WorkspaceAdmin.workspace_id.in_([workspace.id for workspace in workspaces]))
        .group_by(tables.WorkspaceAdmin.workspace_id)
    )
    return {workspace.id: workspace.owner_email for workspace in workspaces} | dict(first_admins.all())


def choose(session: Session, member: Member, workspace_id: str, typed: str | None) -> Recipient:
    """Return the recipient that was chosen or typed, or the default.

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` for an address that is none, or one that
    the member may not send to.
    """
    known = for_workspace(session, member, workspace_id)
    email = address_of(known.offered[0].email if typed is None else typed)
    for recipient in known.offered:
        if recipient.email == email:
            return recipient
    if not known.may_type:
        raise Declined(
            f"A link of this workspace goes to one of its admins, its owner or its Xero login, not to "
            f"{email}. Ask an admin of the workspace or an owner of Relink to send it."
        )
    return Recipient(email, email, "typed in")


def address_of(typed: str) -> str:
    """Return a typed e-mail address in lower case. Raises `Declined` for what is none."""
    text = typed.strip().lower()
    try:
        # Refuses what a mail program might read as two addresses, or as another one.
        address = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError):
        address = Address()
    plain = f"{address.username}@{address.domain}" == text and text.isascii() and text.isprintable()
    fits = len(text) <= LONGEST and len(address.username) <= LONGEST_NAME
    if not (plain and fits and _DOMAIN.fullmatch(address.domain)):
        raise Declined(
            f"{text[:60]!r} is not an e-mail address that a link can be bound to. Check the spelling; it "
            "looks like name@company.com."
        )
    return text


def shown(session: Session, member: Member, addresses: Mapping[str, set[str]]) -> dict[tuple[str, str], str]:
    """Return, by workspace and address, what the member may see of addresses that links went to.

    An admin sees the addresses of their own workspaces. Staff see the workspace's people, an owner of
    Relink also those typed in; the address of a Xero login stays masked.
    """
    visible, people = {}, _people(session, addresses)
    for workspace_id, emails in addresses.items():
        known = people[workspace_id]
        for email in emails:
            typed_in = email != known.login and member.role is Role.OWNER
            full = not member.sees_everything or email in {*known.admins, known.owner} or typed_in
            visible[workspace_id, email] = email if full else mask(email)
    return visible
