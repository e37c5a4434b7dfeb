"""Reconnects: out to Xero, back, judged, stored, and synced for every workspace of that login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services import audit, calls, connections, consents, grants, incidents, members, returns, syncs
from services.consents import Return
from services.desk import Desk
from services.links import course
from services.members import Member, Permission
from services.refusals import RefusalKind, describe
from services.returns import Expected, Refused
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import NEEDS_PERSON, IncidentState, ReconnectState
from services.xero import oauth
from services.xero.api import Api
from services.xero.connections import XeroConnection
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet
from services.xero.pace import MustWait

UNDER_WAY = (ReconnectState.STARTED, ReconnectState.SENT_TO_XERO, ReconnectState.RETURNED)


#: What may come back instead of a code (RFC 6749 §4.1.2.1). It comes through the member's own browser,
#: so nothing else of it is shown, and it raises no banner for everybody.
_REDIRECT_ERRORS = {
    "access_denied": RefusalKind.CANCELLED,
    "server_error": RefusalKind.XERO_DOWN,
    "temporarily_unavailable": RefusalKind.XERO_DOWN,
    "invalid_request": RefusalKind.APP_MISCONFIGURED,
    "invalid_scope": RefusalKind.APP_MISCONFIGURED,
    "unauthorized_client": RefusalKind.APP_MISCONFIGURED,
    "unsupported_response_type": RefusalKind.APP_MISCONFIGURED,
}


def start(session: Session, member: Member, workspace_id: str) -> str:
    """Start the wizard for a workspace and return the reconnect's id; one of this incident is joined.

    Raises `NotAllowed` and `UnknownWorkspace`.
    """
    members.require(session, member, Permission.RECONNECT, workspace_id)
    session.get_one(tables.Connection, workspace_id, with_for_update=True)
    now = utcnow()
    incident_id = incidents.advance(session, workspace_id, IncidentState.RECONNECTING)
    running = session.scalar(
        select(tables.Reconnect).where(
            tables.Reconnect.workspace_id == workspace_id, tables.Reconnect.state.in_(UNDER_WAY)
        )
    )
    if running is not None and running.incident_id == incident_id:
        return running.id
    if running is not None:  # left behind in an earlier incident
        running.state, running.changed_at = ReconnectState.ABANDONED, now
    reconnect = tables.Reconnect(
        id=new_id(),
        workspace_id=workspace_id,
        incident_id=incident_id,
        state=ReconnectState.STARTED,
        started_by=member.email,
        started_at=now,
        changed_at=now,
        detail={},
    )
    session.add(reconnect)
    session.flush()
    return reconnect.id


def leave(desk: Desk, member: Member, workspace_id: str, browser: str) -> str:
    """Return the address at Xero to send this member's browser to.

    Raises `NotAllowed` and `UnknownWorkspace`.
    """
    with desk.store.begin() as session:
        reconnect_id = start(session, member, workspace_id)
        _set_state(session, reconnect_id, ReconnectState.SENT_TO_XERO)
        audit.record(
            session,
            "left for Xero",
            "Went to Xero to reconnect.",
            actor=member.email,
            workspace_id=workspace_id,
        )
        return consents.leave(
            desk,
            session,
            reconnect_id=reconnect_id,
            member_email=member.email,
            browser=browser,
            login_hint=_login_hint(session, workspace_id),
        )


def _login_hint(session: Session, workspace_id: str) -> str | None:
    grant = _grant(session, workspace_id)
    return grant.email if grant else None


def _grant(session: Session, workspace_id: str) -> tables.Grant | None:
    grant_id = session.get_one(tables.Connection, workspace_id).grant_id
    return session.get(tables.Grant, grant_id) if grant_id else None


def _set_state(
    session: Session, reconnect_id: str, state: ReconnectState, *, refused: Refused | None = None
) -> tables.Reconnect:
    reconnect = session.get_one(tables.Reconnect, reconnect_id, with_for_update=True)
    if reconnect.state is ReconnectState.VERIFIED:
        return reconnect  # a second tab that comes back later takes nothing from it
    reconnect.state, reconnect.changed_at = state, utcnow()
    reconnect.refusal = refused.kind if refused else None
    reconnect.detail = refused.particulars if refused else {}
    return reconnect


def come_back(desk: Desk, member: Member, browser: str, query: Mapping[str, str]) -> str:
    """Take in a return from Xero and return the workspace's id; the wizard shows what came of it.

    Accepted is only the same organisation and the same Xero user as before; anything else is stored
    as a refusal and changes nothing of the connection. Raises `ForeignState`, `NotAllowed` and
    `UnknownWorkspace`.
    """
    back = consents.take(desk, query=query, member_email=member.email, browser=browser)
    with desk.store.begin() as session:
        workspace_id = _set_state(session, back.reconnect_id, ReconnectState.RETURNED).workspace_id
        members.require(session, member, Permission.RECONNECT, workspace_id)
    refused = _refused_before_exchange(back, query) or _exchange(desk, member, workspace_id, back, query)
    if refused is not None:
        _refuse(desk, member, workspace_id, back.reconnect_id, refused)
    return workspace_id


def _refused_before_exchange(back: Return, query: Mapping[str, str]) -> Refused | None:
    error = query.get("error", "")
    if error in _REDIRECT_ERRORS:
        return Refused(_REDIRECT_ERRORS[error], {"answer": error})
    if error or not query.get("code"):
        return Refused(RefusalKind.CODE_USED)
    return Refused(RefusalKind.TOO_LATE) if back.too_late else None


@dataclass(frozen=True, slots=True)
class _Consent:
    """A consent that was given for a workspace, with what Xero lists to its user."""

    member: Member
    workspace_id: str
    reconnect_id: str
    tokens: TokenSet
    listed: list[XeroConnection]


def _exchange(
    desk: Desk, member: Member, workspace_id: str, back: Return, query: Mapping[str, str]
) -> Refused | None:
    """Turn the code into tokens and judge them; return the refusal, or None once all is stored."""
    try:
        tokens = oauth.exchange(desk.app, code=query["code"], code_verifier=back.code_verifier)
        with desk.store.begin() as session:
            grants.renew(session, desk.vault, tokens)
        with Api(desk.app, token=lambda _: tokens.access_token, pace=calls.app_pace) as api:
            listed = returns.connections_of(api)
            refused = _take_in(desk, _Consent(member, workspace_id, back.reconnect_id, tokens, listed))
            if refused is not None:
                returns.give_back(api, tokens, listed, used=_used_connections(desk))
            return refused
    except MustWait as wait:
        return Refused(RefusalKind.XERO_DOWN, {"answer": str(wait)})
    except XeroError as error:
        if error.fault is Fault.APP_MISCONFIGURED:
            with desk.store.begin() as session:
                connections.blame_app(session, error, now=utcnow())
        return returns.refused_by(error)


def _take_in(desk: Desk, consent: _Consent) -> Refused | None:
    try:
        return _judge_and_accept(desk, consent)
    except IntegrityError:
        # At this very moment another workspace took the organisation, or brought the same new login:
        # that one is stored now, so judging anew sees it.
        return _judge_and_accept(desk, consent)


def _judge_and_accept(desk: Desk, consent: _Consent) -> Refused | None:
    """Judge a consent and store what is accepted, in one transaction: no other return comes between."""
    with desk.store.begin() as session:
        _lock(session, consent)
        expected, taken = _expected(session, desk, consent)
        verdict = returns.judge(expected, consent.tokens, consent.listed, taken=taken)
        if isinstance(verdict, Refused):
            return verdict
        _accept(session, desk, consent, verdict.connection)
        return None


def _lock(session: Session, consent: _Consent) -> None:
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


def _expected(session: Session, desk: Desk, consent: _Consent) -> tuple[Expected, frozenset[str]]:
    """Return what the workspace was connected with, and which listed organisations others have."""
    organisation_id = session.get_one(tables.Connection, consent.workspace_id).organisation_id
    organisation = session.get(tables.Organisation, organisation_id) if organisation_id else None
    grant = _grant(session, consent.workspace_id)
    expected = Expected(
        organisation_id=organisation_id,
        organisation_name=organisation.name if organisation else None,
        xero_user_id=grant.xero_user_id if grant else None,
        xero_user=returns.person(grant.full_name, grant.email) if grant else None,
        scopes=frozenset(desk.app.scopes),
    )
    taken = select(tables.Connection.organisation_id).where(
        tables.Connection.workspace_id != consent.workspace_id,
        tables.Connection.organisation_id.in_([found.organisation_id for found in consent.listed]),
    )
    return expected, frozenset(filter(None, session.scalars(taken)))


def _used_connections(desk: Desk) -> frozenset[str]:
    with desk.store.read() as session:
        return frozenset(filter(None, session.scalars(select(tables.Connection.xero_connection_id))))


def _accept(session: Session, desk: Desk, consent: _Consent, chosen: XeroConnection) -> None:
    """Store the grant and the connection, and have every workspace of this login prove its repair."""
    now, actor = utcnow(), consent.member.email
    grant_id = grants.keep(session, desk.vault, consent.tokens)
    if session.get(tables.Organisation, chosen.organisation_id) is None:
        session.add(tables.Organisation(id=chosen.organisation_id, name=chosen.organisation_name))
        session.flush()
    connections.connect(
        session,
        consent.workspace_id,
        grant_id=grant_id,
        organisation_id=chosen.organisation_id,
        xero_connection_id=chosen.id,
        actor=actor,
        now=now,
    )
    course.mark_authorised(session, consent.workspace_id, actor, now)
    reconnect = _set_state(session, consent.reconnect_id, ReconnectState.VERIFIED)
    reconnect.sync_id = syncs.enqueue(session, consent.workspace_id, requested_by=actor)
    _heal_siblings(session, consent, grant_id, now)


def _heal_siblings(session: Session, consent: _Consent, grant_id: str, now: datetime) -> None:
    siblings = session.scalars(
        select(tables.Connection).where(
            tables.Connection.grant_id == grant_id,
            tables.Connection.workspace_id != consent.workspace_id,
            tables.Connection.organisation_id.in_([found.organisation_id for found in consent.listed]),
            tables.Connection.health.in_(NEEDS_PERSON),
        )
    )
    for sibling in siblings.all():
        syncs.enqueue(session, sibling.workspace_id, requested_by=consent.member.email)
        sibling.connected_at = now
        audit.record(
            session,
            "reconnected with a sibling",
            "The same Xero login was reconnected for another workspace; a sync is checking this one.",
            actor=consent.member.email,
            workspace_id=sibling.workspace_id,
            at=now,
        )


def _refuse(desk: Desk, member: Member, workspace_id: str, reconnect_id: str, refused: Refused) -> None:
    now = utcnow()
    with desk.store.begin() as session:
        reconnect = _set_state(session, reconnect_id, ReconnectState.REFUSED, refused=refused)
        words = describe(refused.kind, refused.particulars, masked=True)
        audit.record(
            session,
            "reconnect refused",
            f"{words.title}. {words.text}",
            actor=member.email,
            workspace_id=workspace_id,
            incident_id=reconnect.incident_id,
            at=now,
            refusal=refused.kind,
        )
