"""A small town for the wizard: three workspaces, two admins, three Xero logins, and what happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import time_machine
from sqlalchemy import Connection, event, select
from sqlalchemy.orm import Session

from services import admin_changes, members, reconnects, releasing, syncs, upkeep, waiting, wizard
from services.members import Member
from services.store import tables
from services.store.states import RETRYABLE, WORKING, Health, Role
from services.wizard import Act, WizardView
from services.xero.pace import Limits
from tests.integration.office import Office, Shop
from tests.integration.trips import BROWSER, Trip

A_RESTART = timedelta(seconds=61)  # as long as the lease of whoever died is kept
ROOMY = Limits(minute=100_000, app_minute=1_000_000)  # limits are another test's
UPKEEP = (
    upkeep.queue_syncs,
    waiting.export_waiting,
    upkeep.verify_grants,
    upkeep.refresh_idle,
    upkeep.mark_at_risk,
    reconnects.abandon_left_behind,
    admin_changes.expire,
)


class Login(StrEnum):
    """Who logs in at Xero."""

    RIGHT = "the login behind the first two workspaces"
    COLLEAGUE = "with the role in the same organisations, and behind the third"
    STRANGER = "without the role"


class Org(IntEnum):
    """The organisations: one for each workspace, and two that no workspace has."""

    FIRST = 0
    SECOND = 1
    THIRD = 2
    FREE = 3
    ELSEWHERE = 4


class Third(StrEnum):
    """How the third workspace begins."""

    CONNECTED = "connected"
    NEVER = "never connected"
    WITHOUT_ORGANISATION = "with a login and no organisation"


class AtXero(StrEnum):
    """What happens at Xero, and nobody here is told."""

    EXPIRED = "a login expires"
    REVOKED = "a login is revoked"
    DISCONNECTED = "an organisation is disconnected"
    ROLE_TAKEN = "a role is taken away"
    ROLE_GIVEN = "a role is given"
    SCOPE_REMOVED = "a permission is taken away"


class Click(StrEnum):
    """What people press here, besides the way to Xero."""

    START = "start the wizard"
    SYNC = "Sync Now"
    RELEASE = "release what waits"
    ASK = "ask for a change of Xero admin"
    APPROVE = "approve every change that waits"
    ASK_AND_APPROVE = "ask for a change and have it approved"
    DECLINE = "decline every change that waits"
    WITHDRAW = "take the change back"


SCOPES = ("accounting.invoices", "accounting.settings.read", "offline_access")
ROLES = {
    Login.RIGHT: (Org.FIRST, Org.SECOND, Org.FREE, Org.ELSEWHERE),
    Login.COLLEAGUE: (Org.FIRST, Org.SECOND, Org.THIRD, Org.FREE),
    Login.STRANGER: (Org.ELSEWHERE,),
}


class Died(BaseException):
    """The process ended at this moment; nothing of ours catches it."""


@dataclass(slots=True, eq=False)
class Way:
    """One way to Xero, as the browser that took it remembers it."""

    trip: Trip
    shop: Shop
    member: Member
    reconnect_id: str = ""
    used: bool = False
    closed: bool = False  #: somebody else took over

    @property
    def state_hash(self) -> str:
        """Under which the store knows it."""
        return sha256(self.trip.query["state"].encode()).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What Xero sent one browser back with."""

    way: Way
    query: dict[str, str]


@dataclass(slots=True)
class Town:
    """Everybody and everything, on a clock that can be moved."""

    office: Office
    clock: time_machine.Traveller
    third: Third
    shops: list[Shop] = field(init=False)
    users: dict[Login, dict[str, Any]] = field(init=False)
    organisations: list[dict[str, Any]] = field(init=False)
    exports: dict[str, list[int]] = field(init=False)
    roles: set[tuple[Login, Org]] = field(init=False)
    ways: list[Way] = field(default_factory=list)
    boris: Member = field(default_factory=lambda: Member("boris@shop.example", "Boris", Role.ADMIN))

    def __post_init__(self) -> None:
        self.office.desk = replace(self.office.desk, limits=ROOMY)
        xero = self.office.xero
        self.users = {login: xero.user({}, given_name=login.name.title()) for login in Login}
        first = self.office.branch(self.users[Login.RIGHT])
        second = self.office.branch(self.users[Login.RIGHT])
        third = self.office.branch(self.users[Login.COLLEAGUE])
        self.shops = [first, second, third]
        self.organisations = [dict(shop.organisation) for shop in self.shops]
        self.organisations += [xero.organisation(), xero.organisation()]
        self.roles = set()
        for login, orgs in ROLES.items():
            for org in orgs:
                self.happens(AtXero.ROLE_GIVEN, login, org)
        self.exports = {shop.workspace_id: self.office.exports(shop, 2) for shop in (first, second)}
        self._begin_third(third)
        self._add_boris()

    def _begin_third(self, shop: Shop) -> None:
        if self.third is Third.CONNECTED:
            self.exports[shop.workspace_id] = self.office.exports(shop, 1)
        elif self.third is Third.NEVER:
            self.office.disown(shop)
        else:
            none = {"organisation_id": None, "xero_connection_id": None}
            self.office.change(
                tables.Connection, shop.workspace_id, health=Health.NEEDS_ORGANISATION, code="XERO84", **none
            )

    def _add_boris(self) -> None:
        with self.office.desk.store.begin() as session:
            members.add(session, email=self.boris.email, name=self.boris.name, role=self.boris.role)
            for shop in self.shops:
                session.add(tables.WorkspaceAdmin(workspace_id=shop.workspace_id, email=self.boris.email))

    @property
    def admins(self) -> tuple[Member, Member]:
        """The two admins of every workspace."""
        return self.office.admin, self.boris

    # At Xero

    def happens(self, what: AtXero, login: Login, org: Org, scope: str = "") -> None:
        """Let something happen at Xero to this login, this organisation, or both."""
        control, user = self.office.xero.control, f"/users/{self.users[login]['id']}"
        organisation = self.organisations[org]["id"]
        match what:
            case AtXero.EXPIRED:
                control("POST", f"{user}/expire")
            case AtXero.REVOKED:
                control("POST", f"{user}/revoke")
            case AtXero.DISCONNECTED:
                control("POST", "/disconnect", organisation=organisation)
            case AtXero.ROLE_TAKEN:
                control("PUT", f"{user}/roles", organisation=organisation, role="ReadOnly")
                self.roles.discard((login, org))
            case AtXero.ROLE_GIVEN:
                control("PUT", f"{user}/roles", organisation=organisation, role="Adviser")
                self.roles.add((login, org))
            case AtXero.SCOPE_REMOVED:
                control("POST", f"{user}/scopes/remove", scope=scope)

    def answer(self, way: Way, login: Login | None = None, org: Org | None = None, how: str = "") -> Answer:
        """Log in at Xero and allow access, as and to what the workspace had before unless told otherwise.

        `how` is a permission not to give, "cancel", or "unmarked" where Xero does not say which of the
        login's organisations was chosen. What Xero does not offer ends with Cancel.
        """
        login = login or self.login_behind(way.shop) or Login.COLLEAGUE
        org = self.org_of(way.shop) if org is None else org
        org = self.free_orgs()[0] if org is None else org
        if how == "cancel" or (login, org) not in self.roles:
            return Answer(way, way.trip.cancel())
        wanted = [scope for scope in self.office.desk.app.scopes if scope != how]
        query = way.trip.consent(self.users[login], self.organisations[org], scopes=wanted)
        if how == "unmarked":
            self._connect_everything(login, way)
        return Answer(way, query)

    def _connect_everything(self, login: Login, way: Way) -> None:
        theirs = [self.organisations[org] for org in Org if (login, org) in self.roles]
        self.office.xero.grant(self.users[login], *theirs, scopes=list(self.office.desk.app.scopes))
        with self.office.desk.store.begin() as session:
            # All of them were connected long before this way was taken.
            session.get_one(tables.Consent, way.state_hash).expires_at += timedelta(minutes=5)

    def login_behind(self, shop: Shop) -> Login | None:
        """Return which login stands behind a workspace, or None."""
        with self.office.desk.store.read() as session:
            grant_id = session.get_one(tables.Connection, shop.workspace_id).grant_id
            user_id = session.get_one(tables.Grant, grant_id).xero_user_id if grant_id else None
        return next((login for login, user in self.users.items() if user["id"] == user_id), None)

    def org_of(self, shop: Shop) -> Org | None:
        """Return which organisation a workspace has, or None."""
        organisation_id = self.office.connection(shop).organisation_id
        return next((org for org in Org if self.organisations[org]["id"] == organisation_id), None)

    def free_orgs(self) -> list[Org]:
        """Return the organisations that no workspace has."""
        return [org for org in Org if org not in {self.org_of(shop) for shop in self.shops}]

    # Time, and the end of processes

    def wait(self, passes: timedelta) -> None:
        """Let time pass, here and at Xero."""
        self.clock.shift(passes)

    def upkeep(self) -> None:
        """Take the turns that come by the clock."""
        for turn in UPKEEP:
            turn(self.office.desk)

    @contextmanager
    def dying(self, at_commit: int | None) -> Iterator[list[int]]:
        """End the process just before that commit, counted from 1, and start it again a minute later.

        What is yielded holds the numbers of the commits that came to be asked for.
        """
        engine, asked = self.office.desk.store.engine, list[int]()

        def count(_connection: Connection) -> None:
            asked.append(len(asked) + 1)
            if asked[-1] == at_commit:
                raise Died

        event.listen(engine, "commit", count)
        try:
            yield asked
        except Died:
            self.wait(A_RESTART)
        finally:
            event.remove(engine, "commit", count)

    # What people do

    def leave(self, shop: Shop, member: Member, *, take_over: bool = False) -> Way:
        """Leave for Xero; who takes over closes the way back of the others."""
        others = self.others_at_xero(shop, member)
        url = reconnects.leave(self.office.desk, member, shop.workspace_id, BROWSER, take_over=take_over)
        way = Way(Trip(self.office, shop, dict(parse_qsl(urlsplit(url).query))), shop, member)
        with self.office.desk.store.read() as session:
            way.reconnect_id = session.get_one(tables.Consent, way.state_hash).reconnect_id
        for other in self.ways if others else ():
            same = other.reconnect_id == way.reconnect_id and other.member != member
            other.closed = other.closed or (same and not other.used)
        self.ways.append(way)
        return way

    def click(self, shop: Shop, member: Member, what: Click) -> None:
        """Press something, where it is offered."""
        with self.office.desk.store.begin() as session:
            match what:
                case Click.START:
                    reconnects.start(session, member, shop.workspace_id)
                case Click.SYNC:
                    syncs.request(session, member, shop.workspace_id)
                case Click.RELEASE if self.works(shop) and self.owes(shop):
                    plan_id = releasing.retry_plan(session, member, shop.workspace_id)
                    releasing.release(session, member, shop.workspace_id, plan_id)
                case Click.ASK | Click.ASK_AND_APPROVE:
                    admin_changes.ask(session, member, shop.workspace_id, "Ada left")
                case Click.WITHDRAW:
                    admin_changes.withdraw(session, member, shop.workspace_id)
            if what in {Click.APPROVE, Click.ASK_AND_APPROVE, Click.DECLINE}:
                self._decide(session, approve=what is not Click.DECLINE)

    def _decide(self, session: Session, *, approve: bool) -> None:
        agent = self.office.agent
        for change in admin_changes.waiting(session, agent):
            admin_changes.decide(session, agent, change.id, approve=approve, reason="Ticket 4411")

    def look(self, shop: Shop, member: Member) -> WizardView:
        """Look at the wizard."""
        with self.office.desk.store.read() as session:
            seen = wizard.wizard(session, member, shop.workspace_id)
            assert not [*session.new, *session.dirty, *session.deleted]
        return seen

    def others_at_xero(self, shop: Shop, member: Member) -> bool:
        """Say whether somebody else is at Xero for a workspace, as far as the store knows."""
        with self.office.desk.store.read() as session:
            sent = session.scalars(
                select(tables.Reconnect).where(
                    tables.Reconnect.workspace_id == shop.workspace_id,
                    tables.Reconnect.state == "sent to Xero",
                    tables.Reconnect.changed_by != member.email,
                )
            ).all()
            return any(not reconnects.is_left_behind(reconnect) for reconnect in sent)

    def follow(self, shop: Shop, member: Member) -> Act:
        """Do what the wizard says, as an honest and able person does; return what it said."""
        view = self.look(shop, member)
        match view.act:
            case Act.SYNC | Act.SYNC_AGAIN:
                self.click(shop, member, Click.SYNC)
            case Act.RECONNECT | Act.AT_XERO:
                self.reconnect(shop, member)
            case Act.RETRY:
                self.click(shop, member, Click.RELEASE)
            case Act.CHOOSE:
                free = {self.organisations[org]["id"] for org in self.free_orgs()}
                if offered := sorted(free & view.choices.keys()):
                    self.choose(shop, member, offered[0])
                else:
                    self.reconnect(shop, member)
        return view.act

    def reconnect(self, shop: Shop, member: Member) -> None:
        """Go to Xero with the login used before, choose the organisation used before, come back."""
        way = self.leave(shop, member, take_over=True)
        way.used = True
        way.trip.come_back(self.answer(way).query, member=member)

    def choose(self, shop: Shop, member: Member, organisation_id: str) -> None:
        """Choose an organisation that is offered."""
        with self.office.desk.store.begin() as session:
            reconnects.choose(session, member, shop.workspace_id, organisation_id)

    def owes(self, shop: Shop) -> bool:
        """Say whether exports of a workspace wait for a release."""
        ids = self.exports.get(shop.workspace_id, [])
        return any(state in RETRYABLE for state in self.office.states(ids))

    def works(self, shop: Shop) -> bool:
        """Say whether the connection works, as far as the store knows."""
        return self.office.connection(shop).health in WORKING
