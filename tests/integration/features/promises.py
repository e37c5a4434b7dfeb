"""What holds in the town at every moment, whoever did what before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import audit, reconnects, wizard
from services.due import due
from services.store import tables
from services.store.engine import utcnow
from services.store.states import WORKING, ChangeState, ReconnectState, SyncState
from services.wizard import Act, WizardView
from tests.integration.office import Shop
from tests.integration.town import Org, Town, Way


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one way to Xero and its workspace's connection stand."""

    state: ReconnectState
    connection: tuple[object, ...]
    refusals: int  #: how many the workspace's history tells of


@dataclass(slots=True)
class Promises:
    """The promises, and what has to be remembered to check them."""

    town: Town
    organisation: dict[str, str | None] = field(init=False)
    login: dict[str, str | None] = field(init=False)
    moves: dict[str, int] = field(init=False)
    seen_syncs: set[str] = field(init=False)
    looks: int = 0

    def __post_init__(self) -> None:
        shops, office = self.town.shops, self.town.office
        self.organisation = {s.workspace_id: office.connection(s).organisation_id for s in shops}
        with office.desk.store.read() as session:
            self.login = {s.workspace_id: _xero_user(session, s) for s in shops}
        self.moves = dict.fromkeys(self.login, 0)
        self.seen_syncs = {office.last_sync(shop).id for shop in shops}

    def check(self) -> None:
        """Check all that can be told from the store; each time everybody's eyes are on another workspace."""
        self.looks += 1
        shops = self.town.shops
        with self.town.office.desk.store.read() as session:
            users = session.scalars(select(tables.Grant.xero_user_id)).all()
            assert len(users) == len(set(users))
            for shop in shops:
                self._check_organisation(session, shop)
                self._check_login(session, shop)
                view = wizard.wizard(session, self.town.admins[0], shop.workspace_id)
                _check_at_xero(session, shop, view)
                _check_way_on(session, view)
                if shop is shops[self.looks % len(shops)]:
                    self._check_eyes(session, view)
            assert not [*session.new, *session.dirty, *session.deleted]

    def _check_organisation(self, session: Session, shop: Shop) -> None:
        """An organisation once connected stays the workspace's own."""
        before = self.organisation[shop.workspace_id]
        now = session.get_one(tables.Connection, shop.workspace_id).organisation_id
        assert now == before or before is None
        self.organisation[shop.workspace_id] = now

    def _check_login(self, session: Session, shop: Shop) -> None:
        """Each time another login comes to stand behind a workspace, an approved change is used up."""
        before, now = self.login[shop.workspace_id], _xero_user(session, shop)
        assert now is not None or before is None
        self.moves[shop.workspace_id] += before not in (None, now)
        self.login[shop.workspace_id] = now
        used = select(tables.AdminChange.id).where(
            tables.AdminChange.workspace_id == shop.workspace_id,
            tables.AdminChange.state == ChangeState.USED,
        )
        assert self.moves[shop.workspace_id] == len(session.scalars(used).all())

    def _check_eyes(self, session: Session, view: WizardView) -> None:
        """Both admins see the same, the agent what is to be done, and looking again changes nothing."""
        (amira, boris), agent = self.town.admins, self.town.office.agent
        workspace_id = view.workspace.id
        other = wizard.wizard(session, boris, workspace_id)
        if view.attempt is not None:
            whose = [view.attempt.by == admin.email for admin in (amira, boris)]
            assert other.attempt is not None
            assert [view.attempt.mine, other.attempt.mine] == whose
            assert not (view.choices if other.attempt.mine else other.choices)  # its login's alone
            other = replace(other, attempt=view.attempt, choices=view.choices)
        assert other == view
        assert wizard.wizard(session, agent, workspace_id).act is view.act
        stamps = {wizard.stamp(session, member, workspace_id) for member in (amira, boris, agent, amira)}
        assert len(stamps) == 1

    # Around a return from Xero

    def standing(self, way: Way) -> Standing:
        """Return where a way to Xero and its workspace's connection stand."""
        office = self.town.office
        connection = office.connection(way.shop)
        with office.desk.store.read() as session:
            told = audit.history(session, way.shop.workspace_id, limit=1_000)
            return Standing(
                session.get_one(tables.Reconnect, way.reconnect_id).state,
                (connection.grant_id, connection.organisation_id, connection.connected_at),
                [entry.action for entry in told].count("reconnect refused"),
            )

    def check_return(self, way: Way, before: Standing) -> None:
        """A refused return leaves the connection as it was; after another nobody is asked to log in again."""
        after = self.standing(way)
        if after.refusals > before.refusals:
            assert after.connection == before.connection
            assert after.state in {ReconnectState.REFUSED, ReconnectState.VERIFIED}
        else:
            assert after.state in {ReconnectState.VERIFIED, ReconnectState.RETURNED}
            assert self.town.look(way.shop, way.member).act is not Act.RECONNECT

    # After a worker's work

    def check_work(self) -> None:
        """What a sync has just proved is so at Xero, and exports are where they belong."""
        hits_our_own_look = bool(self.town.office.xero.control("GET", "/faults"))
        for shop in self.town.shops:
            if self._just_proved(shop) and not hits_our_own_look:
                self._check_proved(shop)
        for org in Org:
            self._check_ledger(self.town.organisations[org]["id"])

    def _just_proved(self, shop: Shop) -> bool:
        sync = self.town.office.last_sync(shop)
        if sync.running or sync.id in self.seen_syncs:
            return False
        self.seen_syncs.add(sync.id)
        return sync.state is SyncState.SUCCEEDED and self.town.works(shop)

    def _check_proved(self, shop: Shop) -> None:
        office = self.town.office
        token, _ = office.desk.vault.open(office.grant(shop).tokens)
        answer = office.xero.http.get("/connections", headers={"Authorization": f"Bearer {token}"})
        listed = {connection["tenantId"] for connection in answer.json()}
        assert office.connection(shop).organisation_id in listed

    def _check_ledger(self, organisation_id: str) -> None:
        office = self.town.office
        params = {"organisation": organisation_id}
        ledger = office.xero.http.get("/sandbox/ledger", params=params).json()
        with office.desk.store.read() as session:
            own = select(tables.Export.number).where(tables.Export.organisation_id == organisation_id)
            assert {document["number"] for document in ledger["documents"]} <= set(session.scalars(own))
        assert ledger["duplicates"] == {}


def _xero_user(session: Session, shop: Shop) -> str | None:
    grant_id = session.get_one(tables.Connection, shop.workspace_id).grant_id
    return session.get_one(tables.Grant, grant_id).xero_user_id if grant_id else None


def _check_at_xero(session: Session, shop: Shop, view: WizardView) -> None:
    """Who is at Xero is there for everybody, and alone; a connection that works keeps nobody waiting."""
    sent = session.scalars(
        select(tables.Reconnect).where(
            tables.Reconnect.workspace_id == shop.workspace_id,
            tables.Reconnect.state == ReconnectState.SENT_TO_XERO,
        )
    ).all()
    there = [reconnect for reconnect in sent if not reconnects.is_left_behind(reconnect)]
    assert len(there) <= 1
    works = view.workspace.connection.health in WORKING
    assert (view.act is Act.AT_XERO) == (bool(there) and not works)


def _check_way_on(session: Session, view: WizardView) -> None:
    """What the wizard says can be done, or happens by itself."""
    connection = view.workspace.connection
    if view.act is Act.WAIT:
        coming = {piece.partition for piece in due(session, now=utcnow() + timedelta(hours=1))}
        assert (connection.organisation_id or view.workspace.id) in coming
    elif view.act is Act.CHOOSE:
        assert view.attempt is not None
        assert bool(view.choices) == view.attempt.mine  # who did not log in goes to Xero themselves
    elif view.act is Act.RETRY:
        assert view.workspace.stuck_count
    elif view.act in {Act.DONE, Act.NONE}:
        assert (connection.health in WORKING, view.workspace.stuck_count) == (True, 0)
