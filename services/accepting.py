"""A consent taken in: judged under lock, and what is accepted stored for every workspace of the login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services import (
    admin_changes,
    audit,
    calls,
    connections,
    grants,
    incidents,
    members,
    pausing,
    returns,
    syncs,
)
from services.declined import Declined
from services.desk import Desk
from services.links import course
from services.links.link import has_guest
from services.members import Member, Permission
from services.returns import Accepted, Choose, Expected, Refused
from services.store import tables
from services.store.engine import utcnow
from services.store.states import WORKING, IncidentState, ReconnectState, Role
from services.xero.connections import XeroConnection, delete_connection
from services.xero.errors import XeroError
from services.xero.oauth import TokenSet
from services.xero.pace import MustWait

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent that was given for a workspace, with what Xero lists to its user."""

    member: Member  #: who came back
    workspace_id: str
    reconnect_id: str
    tokens: TokenSet
    listed: list[XeroConnection]
    left_at: datetime
    was_dead: bool  #: whether the login had expired before this consent


@dataclass(frozen=True, slots=True)
class Left:
    """A login that no longer stands behind the workspace, and Xero's id of what it connected."""

    grant_id: str
    xero_connection_id: str | None


def take_in(desk: Desk, consent: Consent) -> Refused | None:
    """Judge a consent and store what is accepted; return the refusal, with nothing of it stored."""
    try:
        verdict, left = _judge_and_store(desk, consent)
    except IntegrityError:
        # At this very moment another workspace took the organisation, or brought the same new login:
        # that one is stored now, so judging anew sees it.
        verdict, left = _judge_and_store(desk, consent)
    if left is not None:
        let_go(desk, left)
    return verdict if isinstance(verdict, Refused) else None


def _judge_and_store(desk: Desk, consent: Consent) -> tuple[Accepted | Choose | Refused, Left | None]:
    """Judge and store in one transaction: no other return comes between."""
    with desk.store.begin() as session:
        _lock(session, consent)
        _require_still(session, consent)
        expected = expect(session, desk, consent.workspace_id)
        verdict = returns.judge(
            expected,
            consent.tokens,
            consent.listed,
            taken=_taken(session, consent),
            left_at=consent.left_at,
        )
        if isinstance(verdict, Refused):
            return verdict, None
        grant_id = grants.keep(session, desk.vault, consent.tokens)
        if isinstance(verdict, Choose):
            _offer(session, consent, grant_id, verdict)
            return verdict, None
        return verdict, _accept(session, consent, grant_id, verdict.connection)


def _require_still(session: Session, consent: Consent) -> None:
    """Raise unless all that allowed the way to Xero still holds: on the way back much may have happened."""
    members.require(session, consent.member, Permission.RECONNECT, consent.workspace_id)
    pausing.require_staying(session.get_one(tables.Connection, consent.workspace_id))
    guest = consent.member.role is Role.GUEST
    if guest and not has_guest(session, consent.workspace_id, consent.member.email):
        raise Declined("Your link was taken back while you were at Xero, so nothing was changed.")
    reconnect = session.get_one(
        tables.Reconnect, consent.reconnect_id, with_for_update=True, populate_existing=True
    )
    if reconnect.state is ReconnectState.ABANDONED:
        raise Declined("This reconnect was ended while you were at Xero, so nothing was changed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """An accepted way to connect a workspace: by whom, with which login, to which organisation."""

    member: Member
    reconnect: tables.Reconnect
    grant_id: str
    organisation_id: str
    organisation_name: str
    xero_connection_id: str
    xero_user: str
    listed: list[str]  #: organisations that the login reaches
    was_dead: bool


def _lock(session: Session, consent: Consent) -> None:
    """Lock the workspace's connection and all of this Xero user's, and note what Xero calls those now.

    Whoever connects an organisation anew gives the connection a new id: a consent that is refused
    must not give back one that a workspace stands on.
    """
    grant_id = select(tables.Grant.id).where(tables.Grant.xero_user_id == consent.tokens.xero_user_id)
    of_login = tables.Connection.grant_id.in_(grant_id)
    locked = session.scalars(
        select(tables.Connection)
        .where(or_(tables.Connection.workspace_id == consent.workspace_id, of_login))
        .order_by(tables.Connection.workspace_id)  # everybody in the same order, so that nobody blocks
        .with_for_update()
    ).all()
    ids = {found.organisation_id: found.id for found in consent.listed}
    grant = session.scalar(grant_id)
    for connection in locked:
        if grant is not None and connection.grant_id == grant and connection.organisation_id in ids:
            connection.xero_connection_id = ids[connection.organisation_id]


def expect(session: Session, desk: Desk, workspace_id: str) -> Expected:
    """Return what the workspace was connected with, and whether another login was approved."""
    connection = session.get_one(tables.Connection, workspace_id)
    organisation_id, grant_id = connection.organisation_id, connection.grant_id
    organisation = session.get(tables.Organisation, organisation_id) if organisation_id else None
    grant = session.get(tables.Grant, grant_id) if grant_id else None
    return Expected(
        organisation_id=organisation_id,
        organisation_name=organisation.name if organisation else None,
        xero_user_id=grant.xero_user_id if grant else None,
        xero_user=returns.person(grant.full_name, grant.email) if grant else None,
        scopes=frozenset(desk.app.scopes),
        other_user_approved=admin_changes.is_approved(session, workspace_id),
    )


def _taken(session: Session, consent: Consent) -> frozenset[str]:
    taken = select(tables.Connection.organisation_id).where(
        tables.Connection.workspace_id != consent.workspace_id,
        tables.Connection.organisation_id.in_([found.organisation_id for found in consent.listed]),
    )
    return frozenset(filter(None, session.scalars(taken)))


def _offer(session: Session, consent: Consent, grant_id: str, choose: Choose) -> None:
    reconnect = session.get_one(tables.Reconnect, consent.reconnect_id)
    if reconnect.state is ReconnectState.VERIFIED:
        return  # another window was faster
    reconnect.detail = {
        "grant": grant_id,
        "user": returns.person(consent.tokens.full_name, consent.tokens.email),
        "listed": [found.organisation_id for found in consent.listed],
        "was_dead": consent.was_dead,
        "choices": [
            [found.organisation_id, found.organisation_name, found.id] for found in choose.connections
        ],
    }


def choices(detail: Mapping[str, Any]) -> dict[str, str]:
    """Return the organisations that a return left to choose from: name by id."""
    return {organisation_id: name for organisation_id, name, _ in detail.get("choices", ())}


def accept_choice(
    session: Session, reconnect: tables.Reconnect, organisation_id: str, member: Member
) -> None:
    """Connect the organisation that was chosen from what a return offered; a sync then proves it.

    Raises `Declined` where the login is gone, or somebody else took the organisation at this moment.
    """
    detail = reconnect.detail
    [(_, name, connection_id)] = [offer for offer in detail["choices"] if offer[0] == organisation_id]
    if session.get(tables.Grant, detail["grant"], with_for_update=True) is None:
        raise Declined("The login that offered this is gone. Reconnect again.")
    way = _Way(
        member=member,
        reconnect=reconnect,
        grant_id=detail["grant"],
        organisation_id=organisation_id,
        organisation_name=name,
        xero_connection_id=connection_id,
        xero_user=detail["user"],
        listed=detail["listed"],
        was_dead=detail["was_dead"],
    )
    try:
        with session.begin_nested():
            left = _settle(session, way)
    except IntegrityError:
        raise Declined("Another workspace was connected to that organisation. Choose another one.") from None
    if left is not None:  # a login without an organisation: there is nothing to give back
        grants.forget_unused(session, left.grant_id)


def _accept(session: Session, consent: Consent, grant_id: str, chosen: XeroConnection) -> Left | None:
    """Put the workspace on the login, unless that was done by another window."""
    reconnect = session.get_one(tables.Reconnect, consent.reconnect_id, with_for_update=True)
    if reconnect.state is ReconnectState.VERIFIED and _stands_already(session, consent, grant_id):
        return None  # a second tab, or a second person: the tokens are renewed and nothing is done twice
    way = _Way(
        member=consent.member,
        reconnect=reconnect,
        grant_id=grant_id,
        organisation_id=chosen.organisation_id,
        organisation_name=chosen.organisation_name,
        xero_connection_id=chosen.id,
        xero_user=returns.person(consent.tokens.full_name, consent.tokens.email),
        listed=[found.organisation_id for found in consent.listed],
        was_dead=consent.was_dead,
    )
    return _settle(session, way)


def _settle(session: Session, way: _Way) -> Left | None:
    """Connect, and have every workspace of the login prove its repair; return the login that was replaced."""
    join_incident(session, way.reconnect)
    left = _replaced(session, way)
    _connect(session, way, now=utcnow())
    _heal_siblings(session, way, now=utcnow())
    return left


def _stands_already(session: Session, consent: Consent, grant_id: str) -> bool:
    """Say whether this login stands behind the workspace and works there, or is being proved."""
    connection = session.get_one(tables.Connection, consent.workspace_id)
    if connection.grant_id != grant_id or consent.was_dead:
        return False
    sync = syncs.latest(session, consent.workspace_id)
    return connection.health in WORKING or (sync is not None and sync.running)


def join_incident(session: Session, reconnect: tables.Reconnect) -> None:
    """Count an attempt to the open incident: a sync may have found it after somebody had left for Xero."""
    found = incidents.advance(session, reconnect.workspace_id, IncidentState.RECONNECTING)
    reconnect.incident_id = found or reconnect.incident_id


def _replaced(session: Session, way: _Way) -> Left | None:
    """Use an approved change up, and return the login that the workspace leaves."""
    connection = session.get_one(tables.Connection, way.reconnect.workspace_id)
    if connection.grant_id in (None, way.grant_id):
        admin_changes.end(session, connection.workspace_id, "The login used before reconnected after all.")
        return None
    admin_changes.use(session, connection.workspace_id, xero_user=way.xero_user, actor=way.member.shown)
    return Left(connection.grant_id, connection.xero_connection_id)


def _connect(session: Session, way: _Way, *, now: datetime) -> None:
    reconnect, workspace_id = way.reconnect, way.reconnect.workspace_id
    if session.get(tables.Organisation, way.organisation_id) is None:
        session.add(tables.Organisation(id=way.organisation_id, name=way.organisation_name))
        session.flush()
    first = session.get_one(tables.Connection, workspace_id).organisation_id is None
    connections.connect(
        session,
        workspace_id,
        grant_id=way.grant_id,
        organisation_id=way.organisation_id,
        xero_connection_id=way.xero_connection_id,
        actor=way.member.shown,
        now=now,
    )
    course.mark_authorised(session, workspace_id, way.member.email, now)
    reconnect.state, reconnect.changed_at = ReconnectState.VERIFIED, now
    reconnect.changed_by = way.member.email
    reconnect.refusal, reconnect.detail = None, {"first": first}
    reconnect.sync_id = syncs.enqueue(session, workspace_id, requested_by=way.member.shown)


def _heal_siblings(session: Session, way: _Way, *, now: datetime) -> None:
    """Have each other workspace of the login prove its repair, but for what a person paused or takes off."""
    works = tables.Connection.health.in_(WORKING)
    siblings = session.scalars(
        select(tables.Connection).where(
            tables.Connection.grant_id == way.grant_id,
            tables.Connection.workspace_id != way.reconnect.workspace_id,
            tables.Connection.organisation_id.in_(way.listed),
            pausing.by_itself(),
            *([] if way.was_dead else [~works]),
        )
    )
    for sibling in siblings.all():
        syncs.enqueue(session, sibling.workspace_id, requested_by=way.member.shown)
        sibling.connected_at = now
        audit.record(
            session,
            "reconnected with a sibling",
            "The same Xero login was reconnected for another workspace; a sync is checking this one.",
            actor=way.member.shown,
            workspace_id=sibling.workspace_id,
            at=now,
        )


def let_go(desk: Desk, left: Left) -> None:
    """Give back to Xero what a login connected that was replaced, and forget the login if nothing needs it.

    A login that has expired cannot give anything back; its tokens are forgotten all the same.
    """
    if left.xero_connection_id is not None:
        try:
            with calls.tenantless(desk, left.grant_id) as api:
                delete_connection(api, left.xero_connection_id)
        except (XeroError, MustWait) as error:
            log.info("a replaced connection stays at Xero", grant=left.grant_id, why=str(error))
    with desk.store.begin() as session:
        grants.forget_unused(session, left.grant_id)
