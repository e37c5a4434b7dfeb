"""Disconnects: what one would lose, asked for by a person, and given back to Xero by the worker.

One organisation is given back by its own connection (`DELETE /connections/{id}`), which leaves the login's
other workspaces alone. The login's whole access is revoked only where a person asked for that and nothing
else stands on it. Every step may be repeated, so a crash anywhere is made good by running it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from services import admin_changes, audit, calls, connections, grants, incidents, members, pausing
from services.declined import Declined
from services.desk import Desk
from services.links import course
from services.members import Member, Permission
from services.store import tables
from services.store.engine import utcnow
from services.store.states import (
    NEEDS_RECONNECT,
    RECONNECT_UNDER_WAY,
    UNDELIVERED,
    Health,
    ReconnectState,
    RunState,
)
from services.xero import oauth
from services.xero.api import Api
from services.xero.connections import delete_connection, list_connections
from services.xero.errors import Fault, XeroError
from services.xero.pace import MustWait

AGAIN_AFTER = timedelta(minutes=5)  # before Xero is asked again that did not answer
_OVER = (RunState.FINISHED, RunState.CANCELLED)

#: Answers after which Xero cannot be told with this login, now or later.
_LOGIN_ENDED = frozenset({Fault.LOGIN_EXPIRED, Fault.TOKEN_EXPIRED, Fault.BAD_TOKEN})

TOLD = "Disconnected from Xero: {} is given back, and what was imported from it is removed here."
CHANGE_ENDED = "The workspace was disconnected from Xero."
NOT_TOLD = (
    "Disconnected here. Xero could not be told, since the login has ended. To remove Relink there as well: "
    "in Xero, open the organisation's name > Settings > Connected apps, and press Disconnect."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a disconnect takes away, and what it leaves."""

    organisation_name: str | None
    imported: Mapping[str, int]  #: how many of each kind: account, tax rate, tracking, contact
    waiting_count: int  #: exports that then wait for the same organisation to be connected again
    waiting_amounts: Mapping[str, Decimal]  #: by currency
    last_of_login: bool  #: nothing else stands on the Xero login
    siblings: int  #: other workspaces of the same login, which keep working
    broken: bool  #: a reconnect would mend it, and lose nothing


def losses(session: Session, member: Member, workspace_id: str) -> Losses:
    """Return what a disconnect of this workspace would lose. Raises `NotAllowed` and `UnknownWorkspace`."""
    members.require(session, member, Permission.DISCONNECT, workspace_id)
    connection = session.get_one(tables.Connection, workspace_id)
    organisation_id = connection.organisation_id
    organisation = session.get(tables.Organisation, organisation_id) if organisation_id else None
    imported = session.execute(
        select(tables.ReferenceItem.kind, func.count())
        .where(tables.ReferenceItem.organisation_id == organisation_id)
        .group_by(tables.ReferenceItem.kind)
    )
    waiting = session.execute(
        select(tables.Export.currency, func.count(), func.sum(tables.Export.amount))
        .where(tables.Export.workspace_id == workspace_id, tables.Export.state.in_(UNDELIVERED))
        .where(tables.Export.organisation_id == organisation_id)
        .group_by(tables.Export.currency)
    ).all()
    siblings = _siblings(session, connection)
    return Losses(
        organisation_name=organisation.name if organisation else None,
        imported=dict(imported.all()),
        waiting_count=sum(number for _, number, _ in waiting),
        waiting_amounts={currency: amount for currency, _, amount in waiting},
        last_of_login=siblings == 0,
        siblings=siblings,
        broken=connection.health in NEEDS_RECONNECT,
    )


def _siblings(session: Session, connection: tables.Connection) -> int:
    others = select(func.count()).where(*_others_on(connection.grant_id, connection.workspace_id))
    return session.scalar(others.select_from(tables.Connection)) or 0


def _others_on(grant_id: str | None, workspace_id: str) -> tuple[ColumnElement[bool], ...]:
    return (tables.Connection.grant_id == grant_id, tables.Connection.workspace_id != workspace_id)


def ask(session: Session, member: Member, workspace_id: str, *, reason: str, revoke: bool = False) -> None:
    """Have the worker give a workspace's connection back to Xero; from now on nothing new starts on it.

    `revoke` ends the login's whole access to our app as well. Raises `NotAllowed`, `UnknownWorkspace`, and
    `Declined` without a reason, where nothing is connected, where it was asked for already, while a
    retry is under way, and for `revoke` while other workspaces stand on the login.
    """
    members.require(session, member, Permission.DISCONNECT, workspace_id)
    reason = audit.reason_of(reason)
    if not reason:
        raise Declined("Say why this workspace is disconnected: the reason stays in its history.")
    connection = pausing.lock(session, workspace_id)
    _require_possible(session, connection, revoke=revoke)
    now = utcnow()
    connection.leaving_at, connection.leaving_by, connection.leaving_reason = now, member.email, reason
    connection.leaving_revokes = revoke
    connection.leaving_told_at = connection.leaving_trouble = None
    connection.leaving_due_at, connection.leaving_slice = now, connection.leaving_slice + 1
    audit.record(
        session,
        "disconnect asked for",
        "Relink gives the connection back to Xero." + (" The login's access ends as well." if revoke else ""),
        actor=member.email,
        workspace_id=workspace_id,
        reason=reason,
        at=now,
    )


def _require_possible(session: Session, connection: tables.Connection, *, revoke: bool) -> None:
    if connection.grant_id is None:
        raise Declined("This workspace is not connected to Xero, so there is nothing to disconnect.")
    if connection.leaving_at is not None:
        raise Declined(f"{connection.leaving_by} has asked for that already; Relink is at it.")
    if _is_retrying(session, connection.workspace_id):
        raise Declined(
            "A retry of this workspace is under way. Let it end, or cancel it on its page, then disconnect."
        )
    if revoke and (others := _siblings(session, connection)):
        raise Declined(
            f"{others:,} other {'workspace uses' if others == 1 else 'workspaces use'} the same Xero login, "
            "and would stop working. Disconnect this workspace alone."
        )


def _is_retrying(session: Session, workspace_id: str) -> bool:
    lane = select(tables.Lane.plan_id).where(
        tables.Lane.workspace_id == workspace_id, tables.Lane.state.not_in(_OVER)
    )
    return session.scalar(lane.limit(1)) is not None


# What the worker does


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    """A connection that is being given back."""

    workspace_id: str
    slice: int
    grant_id: str
    organisation_id: str | None
    xero_connection_id: str | None
    told: bool  #: Xero took it back already: what is left is the login's access


def run(desk: Desk, workspace_id: str, slice_: int) -> None:
    """Give a connection back to Xero and forget it here; run again after a crash, it starts over.

    Where Xero does not answer or asks for a pause, it is queued again for later.
    """
    leaving = _take_up(desk, workspace_id, slice_)
    if leaving is None:
        return
    try:
        if not leaving.told:
            with calls.tenantless(desk, leaving.grant_id) as api:
                _give_back(api, leaving)
        _revoke_if_asked(desk, leaving)
    except MustWait as wait:
        _queue_again(
            desk, leaving, timedelta(seconds=wait.seconds), f"Waiting for Xero's {wait.limit} limit."
        )
    except XeroError as error:
        if error.fault in _LOGIN_ENDED:
            _forget(desk, leaving, told=False)
        else:
            _try_later(desk, leaving, error)
    else:
        _forget(desk, leaving, told=True)


def _take_up(desk: Desk, workspace_id: str, slice_: int) -> _Leaving | None:
    with desk.store.read() as session:
        row = session.get_one(tables.Connection, workspace_id)
        if row.leaving_at is None or row.leaving_slice != slice_ or row.grant_id is None:
            return None
        return _Leaving(
            workspace_id=workspace_id,
            slice=slice_,
            grant_id=row.grant_id,
            organisation_id=row.organisation_id,
            xero_connection_id=row.xero_connection_id,
            told=row.leaving_told_at is not None,
        )


def _give_back(api: Api, leaving: _Leaving) -> None:
    """Delete the connection at Xero, by the id known here or else by the one that Xero lists now."""
    if leaving.xero_connection_id and _deleted(api, leaving.xero_connection_id):
        return
    for listed in list_connections(api):
        if listed.organisation_id == leaving.organisation_id:
            _deleted(api, listed.id)


def _deleted(api: Api, connection_id: str) -> bool:
    try:
        delete_connection(api, connection_id)
    except XeroError as error:
        if error.fault in {Fault.NOT_FOUND, Fault.NOT_CONNECTED}:
            return False  # it is gone already
        raise
    return True


def _revoke_if_asked(desk: Desk, leaving: _Leaving) -> None:
    """End the login's access if that was asked for and nothing else stands on it at this moment."""
    with desk.store.begin() as session:
        row = pausing.lock(session, leaving.workspace_id)
        grant = session.get(tables.Grant, leaving.grant_id, with_for_update=True)
        if not _is_current(row, leaving) or not row.leaving_revokes or grant is None:
            return
        if _siblings(session, row):
            row.leaving_revokes = False  # another workspace came to stand on it meanwhile
            return
        # Kept before the call: after it this login tells nothing more of what became of the connection.
        row.leaving_told_at = row.leaving_told_at or utcnow()
        _, refresh_token = desk.vault.open(grant.tokens)
    oauth.revoke(desk.app, refresh_token)


def _is_current(row: tables.Connection, leaving: _Leaving) -> bool:
    """Say whether it is still to be given back: nobody connected it anew or asked anew meanwhile."""
    return (
        row.leaving_at is not None and row.leaving_slice == leaving.slice and row.grant_id == leaving.grant_id
    )


def _forget(desk: Desk, leaving: _Leaving, *, told: bool) -> None:
    """Take the connection off its organisation and login, with all that was imported, in one step."""
    now = utcnow()
    with desk.store.begin() as session:
        row = pausing.lock(session, leaving.workspace_id)
        if not _is_current(row, leaving):
            return
        organisation = (
            session.get(tables.Organisation, row.organisation_id) if row.organisation_id is not None else None
        )
        name = organisation.name if organisation else "the login"
        audit.record(
            session,
            "disconnected",
            TOLD.format(name) if told else NOT_TOLD,
            actor=row.leaving_by or audit.SYSTEM,
            workspace_id=row.workspace_id,
            reason=row.leaving_reason,
            at=now,
            told=told,
            revoked=told and row.leaving_revokes,
        )
        if organisation is not None:
            _remove_imported(session, organisation)
        _clear(row)
        row.health, row.health_since = Health.NOT_CONNECTED, now
        row.detail = None if told else NOT_TOLD
        row.verified_at = now if told else row.verified_at
        session.flush()
        grants.forget_unused(session, leaving.grant_id)
        _end_ways_in(session, row.workspace_id, now)
        incidents.close_if_done(session, row.workspace_id, now=now)


def _end_ways_in(session: Session, workspace_id: str, now: datetime) -> None:
    """End what would connect the workspace again unasked: its links, the change of its admin, a reconnect."""
    course.mark_disconnected(session, workspace_id, now)
    admin_changes.end(session, workspace_id, CHANGE_ENDED)
    under_way = session.scalars(
        select(tables.Reconnect)
        .where(tables.Reconnect.workspace_id == workspace_id, tables.Reconnect.state.in_(RECONNECT_UNDER_WAY))
        .with_for_update()
    )
    for reconnect in under_way.all():
        reconnect.state = ReconnectState.ABANDONED


def _remove_imported(session: Session, organisation: tables.Organisation) -> None:
    for table in (tables.ReferenceItem, tables.Allowance):
        session.execute(delete(table).where(table.organisation_id == organisation.id))
    organisation.imported_at = organisation.period_lock_date = organisation.end_of_year_lock_date = None


def _clear(row: tables.Connection) -> None:
    row.grant_id = row.organisation_id = row.xero_connection_id = row.connected_at = None
    row.code = row.correlation_id = None
    row.leaving_at = row.leaving_by = row.leaving_reason = None
    row.leaving_due_at = row.leaving_told_at = row.leaving_trouble = None
    row.leaving_revokes = False


def _try_later(desk: Desk, leaving: _Leaving, error: XeroError) -> None:
    if error.fault is Fault.APP_MISCONFIGURED:
        with desk.store.begin() as session:
            connections.blame_app(session, error, now=utcnow())
    pause = timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else AGAIN_AFTER
    _queue_again(desk, leaving, pause, error.detail)


def _queue_again(desk: Desk, leaving: _Leaving, pause: timedelta, trouble: str) -> None:
    with desk.store.begin() as session:
        row = pausing.lock(session, leaving.workspace_id)
        if _is_current(row, leaving):
            row.leaving_slice, row.leaving_due_at = row.leaving_slice + 1, utcnow() + pause
            row.leaving_trouble = trouble


def queue_stranded_again(desk: Desk, workspace_id: str, slice_: int) -> None:
    """Queue a disconnect again at which Relink itself failed."""
    with desk.store.begin() as session:
        row = pausing.lock(session, workspace_id)
        if row.leaving_at is not None and row.leaving_slice == slice_:
            row.leaving_slice, row.leaving_due_at = slice_ + 1, utcnow() + AGAIN_AFTER
            row.leaving_trouble = "Relink itself failed at it."
