"""An office for tests: a real store, a real sandbox, and the hands to arrange both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from services import finding, grants, members, narrowing, planning, retries, runs, syncs
from services.desk import Desk, set_up
from services.members import Member
from services.narrowing import ExportFilter
from services.runs import RunView
from services.sandbox.world import DEFAULT_REDIRECT_URI
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Health, Role, Verdict
from services.xero.oauth import TokenSet
from tests.integration.configured import settings
from tests.integration.sandbox.driver import CLIENT, Driver
from tests.integration.work import work_off

ACCOUNT, TAX = "493", "INPUT2"
LONG_AGO = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Shop:
    """A workspace with its organisation and the Xero login behind it."""

    workspace_id: str
    organisation: Mapping[str, Any]
    user: Mapping[str, Any]

    @property
    def organisation_id(self) -> str:
        return str(self.organisation["id"])


@dataclass(slots=True)
class Office:
    """A desk with people at it, and a sandbox beside it."""

    desk: Desk
    xero: Driver
    agent: Member = field(default_factory=lambda: Member("ada@relink.example", "Ada Agent", Role.AGENT))
    admin: Member = field(default_factory=lambda: Member("amira@shop.example", "Amira Admin", Role.ADMIN))
    manager: Member = field(default_factory=lambda: Member("max@relink.example", "Max Manager", Role.MANAGER))

    @classmethod
    def open(cls, database_url: str, xero: Driver, *, key: str | None = None) -> Office:
        """Open an office with its three members."""
        return cls(set_up(settings(database_url, xero.base_url, key)), xero)

    def staff(self) -> None:
        """Add the three members."""
        with self.desk.store.begin() as session:
            for member in (self.agent, self.admin, self.manager):
                members.add(session, email=member.email, name=member.name, role=member.role)

    # Arranging

    def shop(self, **organisation: Any) -> Shop:
        """Open a connected workspace whose first sync has succeeded."""
        return self.branch(self.xero.user({}), **organisation)

    def branch(self, user: Mapping[str, Any], **organisation: Any) -> Shop:
        """Open a connected workspace behind a Xero login that may stand behind others."""
        made = self.xero.organisation(**organisation)
        self.xero.control("PUT", f"/users/{user['id']}/roles", organisation=made["id"], role="Adviser")
        granted = self.xero.grant(dict(user), made, scopes=list(self.desk.app.scopes))
        shop = Shop(uuid4().hex[:16].upper(), made, user)
        self._store(shop, granted)
        self.sync(shop)
        return shop

    def _store(self, shop: Shop, granted: Mapping[str, Any]) -> None:
        now = utcnow()
        tokens = _tokens(granted["token"], shop.user)
        connection_ids = {c["tenantId"]: c["id"] for c in granted["connections"]}
        name = f"Workspace of {shop.organisation['name']}"
        with self.desk.store.begin() as session:
            grant_id = grants.keep(session, self.desk.vault, tokens)
            session.add(tables.Organisation(id=shop.organisation_id, name=shop.organisation["name"]))
            session.add(
                tables.Workspace(
                    id=shop.workspace_id,
                    name=name,
                    search_text=finding.search_text(
                        workspace_id=shop.workspace_id,
                        name=name,
                        owner_email="owner@shop.example",
                        organisation_name=shop.organisation["name"],
                    ),
                    owner_email="owner@shop.example",
                    plan="Control",
                    country="GB",
                    currency=shop.organisation["currency"],
                    card_account="091",
                    created_at=now,
                )
            )
            session.flush()
            session.add(tables.WorkspaceAdmin(workspace_id=shop.workspace_id, email=self.admin.email))
            session.add(
                tables.Connection(
                    workspace_id=shop.workspace_id,
                    organisation_id=shop.organisation_id,
                    grant_id=grant_id,
                    xero_connection_id=connection_ids[shop.organisation_id],
                    health=Health.HEALTHY,
                    health_since=now,
                    connected_at=now,
                )
            )

    def exports(
        self,
        shop: Shop,
        number: int,
        *,
        state: ExportState = ExportState.WAITING,
        code: str | None = None,
        kind: ExportKind = ExportKind.BILL,
        amount: Decimal = Decimal("12.50"),
        account: str = ACCOUNT,
        spent_on: datetime | None = None,
    ) -> list[int]:
        """Put approved reports into a workspace, one export each; return the exports' ids."""
        day = spent_on or utcnow() - LONG_AGO
        with self.desk.store.begin() as session:
            return [
                self._export(session, shop, state, code, kind, amount, account, day) for _ in range(number)
            ]

    def _export(
        self,
        session: Session,
        shop: Shop,
        state: ExportState,
        code: str | None,
        kind: ExportKind,
        amount: Decimal,
        account: str,
        spent_on: datetime,
    ) -> int:
        report_id = f"R{uuid4().hex[:10]}"
        session.add(
            tables.Report(
                id=report_id,
                workspace_id=shop.workspace_id,
                title="Client visit",
                submitter_name="Amelia Ward",
                submitter_email="amelia@shop.example",
                currency=shop.organisation["currency"],
                approved_at=spent_on,
            )
        )
        session.flush()
        export = tables.Export(
            number=f"EXP-{report_id}",
            report_id=report_id,
            workspace_id=shop.workspace_id,
            organisation_id=shop.organisation_id,
            kind=kind,
            amount=amount,
            currency=shop.organisation["currency"],
            approved_at=spent_on,
            state=state,
            code=code,
            message="It failed." if code else None,
            failed_at=spent_on if code else None,
        )
        session.add(export)
        session.flush()
        session.add(
            tables.ReportLine(
                report_id=report_id,
                position=1,
                export_id=export.id,
                spent_on=spent_on.date(),
                merchant="Parkway Cabs",
                amount=amount,
                account_code=account,
                tax_type=TAX,
            )
        )
        return export.id

    # Working

    def work_off(self, *, ahead: timedelta = timedelta(0)) -> int:
        """Do what is due, as a worker would; `ahead` makes due what is parked for later."""
        return work_off(self.desk, ahead=ahead)

    def sync(self, shop: Shop) -> None:
        """Sync a workspace now."""
        with self.desk.store.begin() as session:
            syncs.enqueue(session, shop.workspace_id, requested_by=self.agent.email)
        self.work_off()

    def repair(self, shop: Shop) -> None:
        """Let the workspace's Xero login consent anew, and prove it with a sync."""
        granted = self.xero.grant(dict(shop.user), dict(shop.organisation), scopes=list(self.desk.app.scopes))
        with self.desk.store.begin() as session:
            grants.keep(session, self.desk.vault, _tokens(granted["token"], shop.user))
        self.sync(shop)

    # Retrying

    def plan(self, *shops: Shop, member: Member | None = None) -> str:
        """Plan a retry of every export of these workspaces, delivered ones included."""
        with self.desk.store.begin() as session:
            ids = [export_id for shop in shops for export_id in _ids(session, self.agent, shop)]
            return planning.plan(session, member or self.agent, export_ids=ids)

    def retry(self, *shops: Shop) -> str:
        """Plan and start a retry of everything in these workspaces; return the plan's id."""
        plan_id = self.plan(*shops)
        self.start(plan_id)
        return plan_id

    def start(self, plan_id: str) -> None:
        """Start the run of a plan."""
        with self.desk.store.begin() as session:
            retries.start(session, self.agent, plan_id, "month end")

    def run(self, plan_id: str) -> RunView:
        """Return a run as a person sees it."""
        with self.desk.store.read() as session:
            view = runs.run_view(session, plan_id)
        assert view is not None
        return view

    def results(self, plan_id: str) -> dict[int, tuple[ExportState | None, str | None]]:
        """Return what became of each export of a plan, and the sentence about it."""
        with self.desk.store.read() as session:
            items = session.scalars(select(tables.PlanItem).where(tables.PlanItem.plan_id == plan_id))
            return {item.export_id: (item.result, item.result_text) for item in items}

    def verdicts(self, plan_id: str) -> dict[int, tuple[Verdict, str]]:
        """Return the verdict on each export of a plan, and its reason."""
        with self.desk.store.read() as session:
            items = session.scalars(select(tables.PlanItem).where(tables.PlanItem.plan_id == plan_id))
            return {item.export_id: (item.verdict, item.reason) for item in items}

    # Xero misbehaving

    def fault(self, shop: Shop, method: str, path: str, **fault: Any) -> None:
        """Let the next call to this organisation with this method and path go wrong."""
        wanted = {"method": method, "path": f"/api.xro/2.0/{path}$", "organisation": shop.organisation_id}
        self.xero.control("POST", "/faults", **wanted, **fault)

    def calls(self, shop: Shop) -> dict[str, Any]:
        """Count the calls that the organisation saw, by path and by status."""
        answer = self.xero.http.get("/sandbox/calls", params={"organisation": shop.organisation_id})
        return dict(answer.json())

    # Looking

    def connection(self, shop: Shop) -> tables.Connection:
        """Return the connection as it is stored."""
        with self.desk.store.read() as session:
            return session.get_one(tables.Connection, shop.workspace_id)

    def grant(self, shop: Shop) -> tables.Grant:
        """Return the grant behind the workspace's connection, as it is stored."""
        with self.desk.store.read() as session:
            return session.get_one(tables.Grant, self.connection(shop).grant_id)

    def export(self, export_id: int) -> tables.Export:
        """Return an export as it is stored."""
        with self.desk.store.read() as session:
            return session.get_one(tables.Export, export_id)

    def states(self, export_ids: Sequence[int]) -> list[ExportState]:
        """Return the states of exports, in the same order."""
        return [self.export(export_id).state for export_id in export_ids]

    def incident(self, shop: Shop) -> tables.Incident | None:
        """Return the workspace's newest incident."""
        with self.desk.store.read() as session:
            return session.scalar(
                select(tables.Incident)
                .where(tables.Incident.workspace_id == shop.workspace_id)
                .order_by(tables.Incident.opened_at.desc())
            )

    def ledger(self, shop: Shop) -> dict[str, Any]:
        """Return what is in the organisation's ledger in Xero."""
        answer = self.xero.http.get("/sandbox/ledger", params={"organisation": shop.organisation_id})
        return dict(answer.json())

    def disconnect(self, shop: Shop) -> None:
        """Disconnect the organisation inside Xero; nobody here is told."""
        self.xero.control("POST", "/disconnect", organisation=shop.organisation_id)

    def consent_again(self, shop: Shop) -> None:
        """Have the same user connect the organisation again, past the wizard."""
        self.xero.grant(dict(shop.user), dict(shop.organisation), scopes=list(self.desk.app.scopes))

    def consent_kept(self, shop: Shop) -> str:
        """Have the same user consent again and keep the grant; return its access token."""
        scopes = list(self.desk.app.scopes)
        granted = self.xero.grant(dict(shop.user), dict(shop.organisation), scopes=scopes)
        with self.desk.store.begin() as session:
            grants.keep(session, self.desk.vault, _tokens(granted["token"], shop.user))
        return str(granted["token"]["access_token"])

    def last_sync(self, shop: Shop) -> syncs.SyncView:
        """Return the workspace's newest sync."""
        with self.desk.store.read() as session:
            found = syncs.latest(session, shop.workspace_id)
        assert found is not None
        return found

    def all_calls(self) -> dict[str, Any]:
        """Count all calls that the sandbox saw, since the last clearing, the token endpoint's included."""
        return dict(self.xero.control("GET", "/calls"))

    def change(self, table: type[Any], key: str | int, **values: Any) -> None:
        """Set columns of one stored row, for a past or a state that no act leads to."""
        with self.desk.store.begin() as session:
            row = session.get_one(table, key)
            for column, value in values.items():
                setattr(row, column, value)

    def tokens(self, token: Mapping[str, Any], user: Mapping[str, Any]) -> TokenSet:
        """Return what the sandbox gave a user as the product would have read it."""
        return _tokens(token, user)

    def disown(self, shop: Shop) -> None:
        """Make the workspace one that was never connected; its organisation stays behind in Xero."""
        never = {"organisation_id": None, "grant_id": None, "xero_connection_id": None}
        self.change(tables.Connection, shop.workspace_id, **never, health=Health.NOT_CONNECTED)

    def admin_leaves(self, shop: Shop) -> None:
        """Make the workspace somebody else's: the admin is not its admin any more."""
        with self.desk.store.begin() as session:
            session.delete(session.get_one(tables.WorkspaceAdmin, (shop.workspace_id, self.admin.email)))

    @contextmanager
    def xero_refuses_our_app(self) -> Iterator[None]:
        """Have the secret of our app changed at Xero for a while."""
        known = {"name": "Relink", "redirect_uris": [DEFAULT_REDIRECT_URI]}
        path = f"/apps/{CLIENT[0]}"
        self.xero.control("PUT", path, client_secret="rotated-at-xero-alone", **known)
        try:
            yield
        finally:
            self.xero.control("PUT", path, client_secret=CLIENT[1], **known)

    def break_login(self, shop: Shop) -> None:
        """Let the workspace's Xero login expire, and have a sync find out."""
        self.xero.control("POST", f"/users/{shop.user['id']}/expire")
        self.sync(shop)


def _ids(session: Session, member: Member, shop: Shop) -> Sequence[int]:
    of_shop = ExportFilter(workspace_id=shop.workspace_id)
    return session.scalars(narrowing.ids(narrowing.matching(member, of_shop))).all()


def _tokens(token: Mapping[str, Any], user: Mapping[str, Any]) -> TokenSet:
    return TokenSet(
        access_token=token["access_token"],
        refresh_token=token["refresh_token"],
        expires_at=datetime.now(UTC) + timedelta(seconds=token["expires_in"]),
        scopes=frozenset(token["scope"].split()),
        xero_user_id=user["id"],
        authentication_event_id=None,
        email=user["email"],
        full_name=f"{user['given_name']} {user['family_name']}",
    )
