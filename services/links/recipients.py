"""To whom a workspace's reconnect link may go, and how much of the address the sender sees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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


def for_workspace(session: Session, member: Member, workspace_id: str) -> Recipients:
    """Return whom the member may send this workspace's link to.

    Raises `NotAllowed` and `UnknownWorkspace`.
    """
    members.require(session, member, Permission.SEND_LINKS, workspace_id)
    admins, owner, login = _people(session, workspace_id)
    named = dict.fromkeys(admins, "admin") | ({owner: "owner"} if owner not in admins else {})
    offered = [Recipient(email, email, who) for email, who in named.items()]
    if login is not None and login not in named:
        offered.append(Recipient(login, mask(login) if member.sees_everything else login, "Xero login"))
    return Recipients(tuple(offered), may_type=member.role in (Role.OWNER, Role.ADMIN))


def _people(session: Session, workspace_id: str) -> tuple[list[str], str, str | None]:
    """Return the addresses of a workspace's admins, its owner, and the Xero login behind it."""
    admins = session.scalars(
        select(tables.WorkspaceAdmin.email)
        .where(tables.WorkspaceAdmin.workspace_id == workspace_id)
        .order_by(tables.WorkspaceAdmin.email)
    )
    owner = session.get_one(tables.Workspace, workspace_id).owner_email
    login = session.scalar(
        select(tables.Grant.email)
        .join(tables.Connection, tables.Connection.grant_id == tables.Grant.id)
        .where(tables.Connection.workspace_id == workspace_id)
    )
    return [admin.lower() for admin in admins], owner.lower(), login.lower() if login else None


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
    visible = {}
    for workspace_id, emails in addresses.items():
        admins, owner, login = _people(session, workspace_id)
        for email in emails:
            typed_in = email != login and member.role is Role.OWNER
            full = not member.sees_everything or email in {*admins, owner} or typed_in
            visible[workspace_id, email] = email if full else mask(email)
    return visible
