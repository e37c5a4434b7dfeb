"""Reconnects: out to Xero, back, judged, stored; one step at a time, whoever takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import (
    accepting,
    audit,
    calls,
    connections,
    consents,
    grants,
    incidents,
    members,
    pausing,
    returns,
)
from services.consents import ForeignState, Return
from services.declined import Declined
from services.desk import Desk
from services.members import Member, Permission
from services.refusals import RefusalKind, describe
from services.returns import Refused
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import RECONNECT_UNDER_WAY, IncidentState, ReconnectState
from services.xero import oauth
from services.xero.api import Api
from services.xero.connections import XeroConnection
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet
from services.xero.pace import MustWait

#: Nobody does anything at Xero for longer than the way back is open.
LEFT_BEHIND_AFTER = consents.LIFE
UNFINISHED_FOR = timedelta(days=7)  # a wizard that was begun, or waits for a choice, and then left alone

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

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` while it is being disconnected.
    """
    members.require(session, member, Permission.RECONNECT, workspace_id)
    pausing.require_staying(pausing.lock(session, workspace_id))
    incident_id = incidents.advance(session, workspace_id, IncidentState.RECONNECTING)
    running = _running(session, workspace_id)
    if running is not None and _goes_on(running, incident_id):
        return running.id
    if running is not None:
        _abandon(session, running)
    now = utcnow()
    reconnect = tables.Reconnect(
        id=new_id(),
        workspace_id=workspace_id,
        incident_id=incident_id,
        state=ReconnectState.STARTED,
        started_by=member.email,
        started_at=now,
        changed_at=now,
        changed_by=member.email,
        detail={},
    )
    session.add(reconnect)
    session.flush()
    return reconnect.id


def latest(session: Session, workspace_id: str) -> tables.Reconnect | None:
    """Return the newest reconnect that belongs to the repair under way, not to one long done, or None."""
    reconnect, incident = tables.Reconnect, incidents.for_workspace(session, workspace_id)
    query = select(reconnect).where(reconnect.workspace_id == workspace_id)
    if incident is not None:
        # Somebody may have left for Xero before a sync found the connection broken.
        query = query.where(
            (reconnect.started_at >= incident.opened_at)
            | (reconnect.incident_id == incident.id)
            | reconnect.state.in_([ReconnectState.SENT_TO_XERO, ReconnectState.RETURNED])
        )
    return session.scalar(query.order_by(reconnect.started_at.desc()).limit(1))


def is_verified(reconnect: tables.Reconnect | None) -> bool:
    """Say whether a reconnect was accepted."""
    return reconnect is not None and reconnect.state is ReconnectState.VERIFIED


def _goes_on(running: tables.Reconnect, incident_id: str | None) -> bool:
    """Say whether an attempt is joined: what a person is in the middle of always is."""
    begun = running.state is not ReconnectState.STARTED
    return (begun or running.incident_id == incident_id) and not is_left_behind(running)


def _running(session: Session, workspace_id: str) -> tables.Reconnect | None:
    return session.scalar(
        select(tables.Reconnect)
        .where(tables.Reconnect.workspace_id == workspace_id, tables.Reconnect.state.in_(RECONNECT_UNDER_WAY))
        .order_by(tables.Reconnect.started_at.desc())
        .limit(1)
        .with_for_update()
    )


def leave(desk: Desk, member: Member, workspace_id: str, browser: str, *, take_over: bool = False) -> str:
    """Return the address at Xero to send this member's browser to.

    While somebody else is there with this reconnect it is theirs, unless the member takes over: then
    their return is not used. Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` for a step that
    somebody else is taking.
    """
    with desk.store.begin() as session:
        reconnect_id = start(session, member, workspace_id)
        reconnect = session.get_one(tables.Reconnect, reconnect_id)
        _make_way(session, reconnect, member, take_over=take_over)
        _set_state(session, reconnect_id, ReconnectState.SENT_TO_XERO, member)
        audit.record(
            session,
            "left for Xero",
            "Went to Xero to reconnect.",
            actor=member.shown,
            workspace_id=workspace_id,
            incident_id=reconnect.incident_id,
        )
        return consents.leave(
            desk,
            session,
            reconnect_id=reconnect_id,
            member_email=member.email,
            browser=browser,
            login_hint=_login_hint(session, member, workspace_id),
        )


def _make_way(session: Session, reconnect: tables.Reconnect, member: Member, *, take_over: bool) -> None:
    if reconnect.state is not ReconnectState.SENT_TO_XERO or reconnect.changed_by == member.email:
        return
    who = members.named(session, _last(reconnect), to=member)
    if not take_over:
        raise Declined(
            f"{who} is at Xero with this reconnect already. Nothing was changed. Watch how "
            "it goes on the workspace's reconnect page, or take over there."
        )
    consents.take_over(session, reconnect.id, by=member.email)
    audit.record(
        session,
        "reconnect taken over",
        f"Took over from {members.mask(_last(reconnect))}, whose return from Xero does not count any more.",
        actor=member.shown,
        workspace_id=reconnect.workspace_id,
        incident_id=reconnect.incident_id,
    )


def _last(reconnect: tables.Reconnect) -> str:
    """Return the address of who took the last step."""
    return reconnect.changed_by or reconnect.started_by


def _login_hint(session: Session, member: Member, workspace_id: str) -> str | None:
    """Return the login to offer at Xero, to somebody who may read its address."""
    grant_id = session.get_one(tables.Connection, workspace_id).grant_id
    grant = session.get(tables.Grant, grant_id) if grant_id else None
    email = grant.email if grant else None
    return email if member.sees_logins or email == member.email else None


def _set_state(
    session: Session, reconnect_id: str, state: ReconnectState, member: Member, refused: Refused | None = None
) -> tables.Reconnect:
    # The connection's row is locked first, as by everybody else who takes a step.
    pausing.lock(session, session.get_one(tables.Reconnect, reconnect_id).workspace_id)
    reconnect = session.get_one(tables.Reconnect, reconnect_id, with_for_update=True, populate_existing=True)
    if reconnect.state is ReconnectState.VERIFIED:
        return reconnect  # a second tab that comes back later takes nothing from it
    reconnect.state, reconnect.changed_at, reconnect.changed_by = state, utcnow(), member.email
    accepting.join_incident(session, reconnect)
    reconnect.refusal = refused.kind if refused else None
    reconnect.detail = refused.particulars if refused else {}
    return reconnect


def come_back(desk: Desk, member: Member, browser: str, query: Mapping[str, str]) -> str:
    """Take in a return from Xero and return the workspace's id; the wizard shows what came of it.

    Accepted is only the same organisation and the same Xero user as before; anything else is stored
    as a refusal and changes nothing of the connection. Raises `ForeignState`, `NotAllowed` and
    `UnknownWorkspace`.
    """
    try:
        back = consents.take(desk, query=query, member_email=member.email, browser=browser)
    except ForeignState as foreign:
        _record_foreign(desk, member, foreign)
        raise
    with desk.store.begin() as session:
        workspace_id = _set_state(session, back.reconnect_id, ReconnectState.RETURNED, member).workspace_id
        members.require(session, member, Permission.RECONNECT, workspace_id)
        pausing.require_staying(session.get_one(tables.Connection, workspace_id))
    refused = _refused_before_exchange(back, query) or _exchange(desk, member, workspace_id, back, query)
    if refused is not None:
        _refuse(desk, member, workspace_id, back.reconnect_id, refused)
    return workspace_id


def _record_foreign(desk: Desk, member: Member, foreign: ForeignState) -> None:
    if foreign.reconnect_id is None:
        return
    with desk.store.begin() as session:
        reconnect = session.get_one(tables.Reconnect, foreign.reconnect_id)
        words = foreign.refusal
        _tell_refused(session, member, reconnect, f"{words.title}. {words.text}", refusal=words.kind)


def _refused_before_exchange(back: Return, query: Mapping[str, str]) -> Refused | None:
    error = query.get("error", "")
    if error in _REDIRECT_ERRORS:
        return Refused(_REDIRECT_ERRORS[error], {"answer": f"{error}."})
    if error or not query.get("code"):
        return Refused(RefusalKind.CODE_USED)
    return Refused(RefusalKind.TOO_LATE) if back.too_late else None


def _exchange(
    desk: Desk, member: Member, workspace_id: str, back: Return, query: Mapping[str, str]
) -> Refused | None:
    """Turn the code into tokens and judge them; return the refusal, or None once all is stored."""
    try:
        tokens = oauth.exchange(desk.app, code=query["code"], code_verifier=back.code_verifier)
        with desk.store.begin() as session:
            was_dead = grants.is_dead(session, tokens.xero_user_id)
            grants.renew(session, desk.vault, tokens)
        with Api(desk.app, token=lambda _: tokens.access_token, pace=calls.app_pace) as api:
            listed = returns.connections_of(api)
            refused = accepting.take_in(
                desk,
                accepting.Consent(
                    member=member,
                    workspace_id=workspace_id,
                    reconnect_id=back.reconnect_id,
                    tokens=tokens,
                    listed=listed,
                    left_at=back.left_at,
                    was_dead=was_dead,
                ),
            )
            if refused is not None:
                _give_back(desk, api, tokens, listed, back)
            return refused
    except MustWait as wait:
        return Refused(RefusalKind.XERO_DOWN, {"answer": str(wait)})
    except XeroError as error:
        if error.fault is Fault.APP_MISCONFIGURED:
            with desk.store.begin() as session:
                connections.blame_app(session, error, now=utcnow())
        return returns.refused_by(error)


def _give_back(desk: Desk, api: Api, tokens: TokenSet, listed: list[XeroConnection], back: Return) -> None:
    with desk.store.read() as session:
        used = frozenset(filter(None, session.scalars(select(tables.Connection.xero_connection_id))))
    returns.give_back(api, returns.just_chosen(tokens, listed, back.left_at), used=used)


def _refuse(desk: Desk, member: Member, workspace_id: str, reconnect_id: str, refused: Refused) -> None:
    with desk.store.begin() as session:
        expected = accepting.expect(session, desk, workspace_id)
        named = Refused(refused.kind, {**expected.names, "user": member.shown, **refused.particulars})
        reconnect = _set_state(session, reconnect_id, ReconnectState.REFUSED, member, named)
        words = describe(named.kind, named.particulars, masked=True)
        _tell_refused(session, member, reconnect, f"{words.title}. {words.text}", refusal=named.kind)


def _tell_refused(
    session: Session, member: Member, reconnect: tables.Reconnect, summary: str, *, refusal: str
) -> None:
    audit.record(
        session,
        "reconnect refused",
        summary,
        actor=member.shown,
        workspace_id=reconnect.workspace_id,
        incident_id=reconnect.incident_id,
        refusal=refusal,
    )


def choose(session: Session, member: Member, workspace_id: str, organisation_id: str) -> None:
    """Connect the organisation that a person picked from those the login connected (XERO84).

    Raises `NotAllowed`, `UnknownWorkspace`, and `Declined` for one that is not, or no longer, offered.
    """
    members.require(session, member, Permission.RECONNECT, workspace_id)
    connection = pausing.lock(session, workspace_id)
    pausing.require_staying(connection)
    if connection.organisation_id is not None:
        raise Declined("This workspace has an organisation by now. Look at the page anew.")
    reconnect = _running(session, workspace_id)
    if reconnect is None or organisation_id not in accepting.choices(reconnect.detail):
        raise Declined("That organisation is not offered any more. Look at the page anew and choose again.")
    if reconnect.changed_by != member.email:
        who = members.named(session, _last(reconnect), to=member)
        raise Declined(
            f"{who} logged in to Xero, so these are theirs to choose from. Watch here, "
            "or reconnect with your own login."
        )
    accepting.accept_choice(session, reconnect, organisation_id, member)


def is_left_behind(reconnect: tables.Reconnect) -> bool:
    """Say whether nobody can finish this attempt any more: whoever was at Xero did not come back in time."""
    if reconnect.state not in RECONNECT_UNDER_WAY:
        return False
    waits = reconnect.state is ReconnectState.STARTED or accepting.choices(reconnect.detail)
    return utcnow() - reconnect.changed_at > (UNFINISHED_FOR if waits else LEFT_BEHIND_AFTER)


def abandon_left_behind(desk: Desk) -> int:
    """End every attempt that nobody finished, and say so in its workspace's history; return how many."""
    old = tables.Reconnect.changed_at < utcnow() - LEFT_BEHIND_AFTER
    with desk.store.begin() as session:
        found = session.scalars(
            select(tables.Reconnect)
            .where(tables.Reconnect.state.in_(RECONNECT_UNDER_WAY), old)
            .with_for_update(skip_locked=True)
        ).all()
        late = [reconnect for reconnect in found if is_left_behind(reconnect)]
        for reconnect in late:
            _abandon(session, reconnect)
    return len(late)


def _abandon(session: Session, reconnect: tables.Reconnect) -> None:
    """End an attempt; its `changed_at` and `changed_by` keep telling who left it, and when."""
    reconnect.detail = {"was": reconnect.state.value}
    reconnect.state = ReconnectState.ABANDONED
    audit.record(
        session,
        "reconnect abandoned",
        f"The attempt of {members.mask(_last(reconnect))} was not finished, so it ended by itself. "
        "Nothing was changed.",
        workspace_id=reconnect.workspace_id,
        incident_id=reconnect.incident_id,
    )
