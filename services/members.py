"""Members and what each role may do; one table is the truth for navigation, buttons and services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services.declined import Declined
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Role


class Permission(StrEnum):
    """Something a role may or may not do."""

    SEE_WORKSPACES = "see workspaces"
    SEE_INCIDENTS = "see incidents"
    SYNC = "sync"
    RECONNECT = "reconnect"
    RETRY = "retry exports"
    SET_ASIDE = "set exports aside"
    IMPORT_REPORTS = "import reports"
    FOLLOW = "follow a reconnect"
    SEND_LINKS = "send reconnect links"
    DECIDE_CHANGE = "decide on a change of Xero admin"
    PAUSE = "pause a workspace"
    DISCONNECT = "disconnect a workspace from Xero"


_SEE = frozenset({Permission.SEE_WORKSPACES, Permission.SEE_INCIDENTS, Permission.FOLLOW})
_REPAIR = frozenset(
    {Permission.SYNC, Permission.RETRY, Permission.SET_ASIDE, Permission.SEND_LINKS, Permission.PAUSE}
)
_ASSIST = frozenset({Permission.IMPORT_REPORTS, Permission.DECIDE_CHANGE})

GRANTED: Mapping[Role, frozenset[Permission]] = {
    # Reconnecting takes the customer's own Xero login, so nobody else can do it for them.
    Role.OWNER: _SEE | _REPAIR | _ASSIST | {Permission.DISCONNECT},
    Role.AGENT: _SEE | _REPAIR | _ASSIST,
    Role.MANAGER: _SEE,
    Role.ADMIN: _REPAIR
    | {Permission.SEE_WORKSPACES, Permission.FOLLOW, Permission.RECONNECT, Permission.DISCONNECT},
    Role.GUEST: frozenset({Permission.FOLLOW, Permission.RECONNECT, Permission.SYNC, Permission.RETRY}),
}


class NotAllowed(Declined):
    """The member may not do that; the text is a sentence for the screen."""


class UnknownWorkspace(Declined):
    """There is no such workspace, or not for this member; the text is a sentence for the screen."""


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who signed in, or came by a reconnect link."""

    email: str  #: lower case
    name: str
    role: Role
    only_workspace: str | None = None  #: of a link guest: the one workspace they see

    def may(self, permission: Permission) -> bool:
        """Say whether the member's role has the permission."""
        return permission in GRANTED[self.role]

    @property
    def sees_everything(self) -> bool:
        """Say whether the member sees every workspace, or only their own."""
        return self.role not in (Role.ADMIN, Role.GUEST)

    @property
    def shown(self) -> str:
        """Return the address as everybody may read it; a guest's may be that of a masked Xero login."""
        return mask(self.email) if self.role is Role.GUEST else self.email

    @property
    def sees_logins(self) -> bool:
        """Say whether the member sees whole addresses of Xero logins: only the customer's own people do."""
        return self.role is Role.ADMIN


def find(session: Session, email: str) -> Member | None:
    """Return the member with this e-mail address, in any spelling of case, or None."""
    row = session.get(tables.Member, email.strip().lower())
    return None if row is None else Member(row.email, row.name, row.role)


def named(session: Session, email: str, *, to: Member) -> str:
    """Return somebody's address as this member may read it.

    Whole are one's own and, but for a link guest, those of members; a guest's may be a masked Xero login's.
    """
    whole = email == to.email or (to.role is not Role.GUEST and find(session, email) is not None)
    return email if whole else mask(email)


def add(session: Session, *, email: str, name: str, role: Role) -> None:
    """Add a member, or give an existing one this name and role."""
    session.merge(tables.Member(email=email.strip().lower(), name=name, role=role, added_at=utcnow()))


def add_owners(session: Session, emails: list[str]) -> None:
    """Make sure that the configured first owners can sign in; members who exist keep their role."""
    for email in emails:
        if find(session, email) is None:
            add(session, email=email, name=email.split("@", maxsplit=1)[0], role=Role.OWNER)


def require(session: Session, member: Member, permission: Permission, workspace_id: str) -> None:
    """Raise unless the member may do this to this workspace.

    Raises `NotAllowed` for a missing permission and `UnknownWorkspace` for a workspace that does
    not exist or is somebody else's: an outsider cannot tell which.
    """
    require_role(member, permission)
    if not _sees(session, member, workspace_id):
        raise UnknownWorkspace(
            "There is no workspace of that id here, or it is not one of yours. "
            "Check the link, or search for it under Workspaces."
        )


def require_role(member: Member, permission: Permission) -> None:
    """Raise `NotAllowed` unless the member's role has the permission, for whichever workspace."""
    if not member.may(permission):
        raise NotAllowed(
            f"Your role, {member.role}, may not {permission}. Ask an owner of Relink if you need to."
        )


def can(session: Session, member: Member, permission: Permission, workspace_id: str | None) -> bool:
    """Say whether the member may do this to this workspace."""
    return member.may(permission) and _sees(session, member, workspace_id or "")


def _sees(session: Session, member: Member, workspace_id: str) -> bool:
    seen = select(tables.Workspace.id).where(tables.Workspace.id == workspace_id, *own_workspaces(member))
    return session.scalar(seen) is not None


_ADDRESS = re.compile(r"([^\s@(])[^\s@(]*@([^\s@)]+)")


def mask(text: str) -> str:
    """Return a text whose e-mail addresses are just recognisable: `t•••@brightside.example`."""
    return _ADDRESS.sub(r"\1•••@\2", text)


def own_workspaces(member: Member) -> list[ColumnElement[bool]]:
    """Return the SQL conditions that keep a query on `Workspace` to what the member may see."""
    if member.sees_everything:
        return []
    if member.role is Role.GUEST:
        return [tables.Workspace.id == (member.only_workspace or "")]
    mine = select(tables.WorkspaceAdmin.workspace_id).where(tables.WorkspaceAdmin.email == member.email)
    return [tables.Workspace.id.in_(mine)]
