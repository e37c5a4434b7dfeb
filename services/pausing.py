"""Pause: a person stops what happens to a workspace by itself, and only a person lets it go on.

Whatever acts without being asked looks at `by_itself` and asks again in the transaction that acts. What a
person does by hand goes on working and resumes nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from services import audit, members
from services.declined import Declined
from services.members import Member, Permission
from services.store import tables
from services.store.engine import utcnow

CHUNK = 500  # ids a query: SQL parameter lists stay short
PAUSED = "Waiting until somebody resumes the workspace"
LEAVING = (
    "This workspace is being disconnected from Xero, so nothing new starts. "
    "Wait until that is done, then connect it again if you need to."
)


def not_paused() -> ColumnElement[bool]:
    """Return the SQL condition for connections that nobody paused."""
    return tables.Connection.paused_at.is_(None)


def by_itself() -> ColumnElement[bool]:
    """Return the SQL condition for connections on which Relink may act without being asked.

    Those are neither paused nor about to be disconnected.
    """
    return not_paused() & tables.Connection.leaving_at.is_(None)


def lock(session: Session, workspace_id: str, *, share: bool = False) -> tables.Connection:
    """Return a connection as it is now, so that no pause or disconnect comes between until the commit.

    With `share` others may hold it in the same way at the same time.
    """
    return session.get_one(
        tables.Connection,
        workspace_id,
        with_for_update={"read": True} if share else True,
        populate_existing=True,
    )


def lock_all(
    session: Session, workspace_ids: Collection[str], *, share: bool = False
) -> dict[str, tables.Connection]:
    """Return connections by workspace, each held as by `lock`; in one order, so that nobody blocks."""
    ordered, held = sorted(workspace_ids), dict[str, tables.Connection]()
    for start in range(0, len(ordered), CHUNK):
        part = (
            select(tables.Connection)
            .where(tables.Connection.workspace_id.in_(ordered[start : start + CHUNK]))
            .order_by(tables.Connection.workspace_id)
            .with_for_update(read=share)
        )
        found = session.scalars(part, execution_options={"populate_existing": True})
        held.update({connection.workspace_id: connection for connection in found})
    return held


def why_not(connection: tables.Connection, *, asked_by: str) -> str | None:
    """Say why work that was queued earlier must not begin now, or return None where it may."""
    if connection.leaving_at is not None:
        return "Not run: the workspace is being disconnected from Xero."
    if connection.paused_at is not None and asked_by == audit.SYSTEM:
        return "Not run: the workspace is paused. Press Sync Now to sync it all the same."
    return None


def require_staying(connection: tables.Connection) -> None:
    """Raise `Declined` for a connection that is about to be disconnected: nothing new starts on it."""
    if connection.leaving_at is not None:
        raise Declined(LEAVING)


def pause(session: Session, member: Member, workspace_id: str, reason: str) -> None:
    """Stop everything that happens to a workspace by itself, until a person resumes it.

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` without a reason or when it is paused already.
    """
    members.require(session, member, Permission.PAUSE, workspace_id)
    reason = audit.reason_of(reason)
    if not reason:
        raise Declined("Say why this workspace is paused: everybody who finds it paused reads the reason.")
    connection = lock(session, workspace_id)
    if connection.paused_at is not None:
        raise Declined(f"{connection.paused_by} has paused this workspace already.")
    connection.paused_at, connection.paused_by = utcnow(), member.email
    connection.paused_reason = reason
    _record(session, member, workspace_id, "paused", "Relink does nothing here by itself.", reason)


def resume(session: Session, member: Member, workspace_id: str) -> None:
    """Let a paused workspace go on by itself. Raises `NotAllowed`, `UnknownWorkspace` and `Declined`."""
    members.require(session, member, Permission.PAUSE, workspace_id)
    connection = lock(session, workspace_id)
    if connection.paused_at is None:
        raise Declined("This workspace is not paused any more: somebody resumed it.")
    connection.paused_at = connection.paused_by = connection.paused_reason = None
    _record(session, member, workspace_id, "resumed", "Syncs and exports happen by themselves again.", None)


def _record(
    session: Session, member: Member, workspace_id: str, action: str, summary: str, reason: str | None
) -> None:
    audit.record(session, action, summary, actor=member.email, workspace_id=workspace_id, reason=reason)
