"""Changes of the Xero admin: asked for by the customer, decided by support with a reason, used once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from services import audit, members
from services.declined import Declined
from services.desk import Desk
from services.members import Member, Permission, own_workspaces
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import CHANGE_OPEN, ChangeState

ANSWER_WITHIN = timedelta(days=14)
USE_WITHIN = timedelta(days=7)
#: Several admins may ask for one workspace over time; more than this is nothing that a person reads.
LISTED_AT_MOST = 50


class UnknownChange(Declined):
    """There is no such change, or not for this member; the text is a sentence for the screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One change of a workspace's Xero admin as a person sees it."""

    id: str
    workspace_id: str
    workspace_name: str
    state: ChangeState
    asked_by: str
    asked_at: datetime
    why: str
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    expires_at: datetime
    used_by: str | None  #: the Xero user, address masked
    used_at: datetime | None

    @property
    def open(self) -> bool:
        """Say whether an answer or its use is still to come."""
        return self.state in CHANGE_OPEN


def ask(session: Session, member: Member, workspace_id: str, why: str) -> str:
    """Ask that another Xero user may reconnect a workspace, and return the change's id; one is joined.

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` for a missing reason.
    """
    members.require(session, member, Permission.RECONNECT, workspace_id)
    why = audit.reason_of(why)
    if not why:
        raise Declined("Say why the login used before cannot be used: support decides by it.")
    # The connection's row is the lock: two admins who ask at once make one change.
    session.get_one(tables.Connection, workspace_id, with_for_update=True)
    if (known := open_of(session, workspace_id)) is not None:
        return known.id
    now = utcnow()
    change = tables.AdminChange(
        id=new_id(),
        workspace_id=workspace_id,
        state=ChangeState.ASKED,
        asked_by=member.email,
        asked_at=now,
        why=why,
        expires_at=now + ANSWER_WITHIN,
    )
    session.add(change)
    _tell(
        session,
        change,
        "change of Xero admin asked for",
        "Another Xero login should reconnect.",
        why,
        actor=member.shown,
    )
    session.flush()
    return change.id


def decide(session: Session, member: Member, change_id: str, *, approve: bool, reason: str) -> None:
    """Answer a change with a reason; an approved one lets one other Xero user in, once, within 7 days.

    Raises `NotAllowed`, `UnknownChange`, and `Declined` for a missing reason, a change that was
    answered meanwhile, and one's own.
    """
    change = session.get(tables.AdminChange, change_id, with_for_update=True)
    if change is None:
        raise UnknownChange("There is no such change of Xero admin. Reload the page.")
    members.require(session, member, Permission.DECIDE_CHANGE, change.workspace_id)
    reason, now = audit.reason_of(reason), utcnow()
    if not reason:
        raise Declined("Say how you know that this change is right or wrong: it stays in the history.")
    if change.asked_by == member.email:
        raise Declined("You asked for this change yourself. Somebody else has to decide on it.")
    if change.state is not ChangeState.ASKED or change.expires_at < now:
        raise Declined(f"This change is {_state(change, now)} already, so nothing was changed.")
    change.state = ChangeState.APPROVED if approve else ChangeState.DECLINED
    change.decided_by, change.decided_at, change.reason = member.email, now, reason
    if approve:
        change.expires_at = now + USE_WITHIN
    said = "One other Xero user of the same organisation is accepted." if approve else "It was declined."
    _tell(session, change, f"change of Xero admin {change.state}", said, reason, actor=member.shown)


def withdraw(session: Session, member: Member, workspace_id: str) -> None:
    """Take back a change that was asked for, e.g. because the login was found; nothing where none is open.

    Raises `NotAllowed` and `UnknownWorkspace`.
    """
    members.require(session, member, Permission.RECONNECT, workspace_id)
    end(session, workspace_id, "It was taken back.", actor=member.shown)


def open_of(session: Session, workspace_id: str) -> tables.AdminChange | None:
    """Return the workspace's change that is still to come, locked, or None."""
    return session.scalar(
        select(tables.AdminChange)
        .where(
            tables.AdminChange.workspace_id == workspace_id,
            tables.AdminChange.state.in_(CHANGE_OPEN),
            tables.AdminChange.expires_at > utcnow(),
        )
        .order_by(tables.AdminChange.asked_at.desc())
        .limit(1)
        .with_for_update()
    )


def is_approved(session: Session, workspace_id: str) -> bool:
    """Say whether one other Xero user may reconnect the workspace now."""
    change = open_of(session, workspace_id)
    return change is not None and change.state is ChangeState.APPROVED


def use(session: Session, workspace_id: str, *, xero_user: str, actor: str) -> None:
    """Use the approved change up: the other Xero user was accepted."""
    change = open_of(session, workspace_id)
    if change is None or change.state is not ChangeState.APPROVED:
        return
    change.state, change.used_at, change.used_by = ChangeState.USED, utcnow(), members.mask(xero_user)
    said = f"{change.used_by} is the Xero admin of this workspace now."
    _tell(session, change, "Xero admin changed", said, change.reason, actor=actor)


def end(session: Session, workspace_id: str, why: str, *, actor: str = audit.SYSTEM) -> None:
    """End the workspace's open change unused, with a sentence for the history; nothing where none is open."""
    change = open_of(session, workspace_id)
    if change is not None:
        change.state = ChangeState.EXPIRED
        _tell(session, change, "change of Xero admin ended", why, None, actor=actor)


def expire(desk: Desk) -> int:
    """End every change that nobody answered or used in time; return how many."""
    with desk.store.begin() as session:
        late = session.scalars(
            select(tables.AdminChange)
            .where(tables.AdminChange.state.in_(CHANGE_OPEN), tables.AdminChange.expires_at <= utcnow())
            .with_for_update(skip_locked=True)
        ).all()
        for change in late:
            unused = "Nobody answered" if change.state is ChangeState.ASKED else "It was not used"
            change.state = ChangeState.EXPIRED
            _tell(
                session, change, "change of Xero admin ended", f"{unused} in time.", None, actor=audit.SYSTEM
            )
    return len(late)


def latest(session: Session, member: Member, workspace_id: str) -> ChangeView | None:
    """Return the workspace's newest change, or None. Raises `NotAllowed` and `UnknownWorkspace`."""
    members.require(session, member, Permission.FOLLOW, workspace_id)
    newest = _with_name().where(tables.AdminChange.workspace_id == workspace_id)
    row = session.execute(newest.order_by(tables.AdminChange.asked_at.desc()).limit(1)).first()
    return None if row is None else _views(session, member, [row])[0]


def waiting(session: Session, member: Member) -> list[ChangeView]:
    """Return the changes that wait for this member's decision, the oldest first; none for others."""
    if not member.may(Permission.DECIDE_CHANGE):
        return []
    query = _with_name().where(
        tables.AdminChange.state == ChangeState.ASKED,
        tables.AdminChange.expires_at > utcnow(),
        *own_workspaces(member),
    )
    return _views(
        session,
        member,
        session.execute(query.order_by(tables.AdminChange.asked_at).limit(LISTED_AT_MOST)).all(),
    )


def _with_name() -> Select[tables.AdminChange, str]:
    return select(tables.AdminChange, tables.Workspace.name).join(
        tables.Workspace, tables.Workspace.id == tables.AdminChange.workspace_id
    )


def _views(
    session: Session, member: Member, rows: Sequence[Row[tables.AdminChange, str]]
) -> list[ChangeView]:
    now = utcnow()
    return [
        ChangeView(
            id=change.id,
            workspace_id=change.workspace_id,
            workspace_name=name,
            state=_state(change, now),
            asked_by=members.named(session, change.asked_by, to=member),
            asked_at=change.asked_at,
            why=change.why,
            decided_by=change.decided_by and members.named(session, change.decided_by, to=member),
            decided_at=change.decided_at,
            reason=change.reason,
            expires_at=change.expires_at,
            used_by=change.used_by,
            used_at=change.used_at,
        )
        for change, name in rows
    ]


def _state(change: tables.AdminChange, now: datetime) -> ChangeState:
    late = change.state in CHANGE_OPEN and change.expires_at <= now
    return ChangeState.EXPIRED if late else change.state


def _tell(
    session: Session,
    change: tables.AdminChange,
    action: str,
    summary: str,
    reason: str | None,
    *,
    actor: str,
) -> None:
    audit.record(
        session,
        action,
        summary,
        actor=actor,
        workspace_id=change.workspace_id,
        reason=reason,
        change=change.id,
    )
