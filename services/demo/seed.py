"""Seeds the demo world once: members, workspaces, history; what is broken is broken in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from services import audit, finding, grants, insights, members, syncs
from services.demo import receipts
from services.demo.history import MONTHS_OF_HISTORY, Customer, Historian, Rows
from services.demo.names import MERCHANTS, PEOPLE, UNCONNECTED, workspace_name
from services.demo.world import Consent, World
from services.desk import Desk
from services.store import tables
from services.store.engine import new_id, utcnow
from services.store.states import AttemptState, ExportKind, ExportState, Health, Role

SEED = 20261122
EXPORTS = 6000
CARD_ACCOUNT = "091"  # the company card's bank account in every demo organisation
PAID_AFTER = timedelta(days=24)  # a bill waits that long for its payment
NEEDS_ORGANISATION = 2  # of the workspaces without an organisation: consented, but chose none
ADMIN = "tom.baker@brightside.example"
ADMIN_WORKSPACES = 6

#: One way to break a connection: given the Xero user's id and the organisation's.
_Breakage = Callable[[str, str], None]

#: Days ago at which each kind of trouble began.
_DAYS = {"expired": 3, "revoked": 6, "disconnected": 9, "role": 5, "scope": 2, "accounts": 4, "offline": 1}


def is_seeded(desk: Desk) -> bool:
    """Say whether the store holds any workspace."""
    with desk.store.read() as session:
        return session.execute(select(tables.Workspace.id).limit(1)).first() is not None


def seed(desk: Desk) -> None:
    """Make the demo world in the sandbox and in an empty store; every connection's sync is queued.

    Deterministic but for the date: the newest report is from today.
    """
    world = World(desk.settings.sandbox_url)
    try:
        _Seeder(desk, world).run()
    finally:
        world.close()


class _Seeder:
    def __init__(self, desk: Desk, world: World) -> None:
        self.desk = desk
        self.world = world
        self.now = utcnow()
        self.random = Random(SEED)  # noqa: S311 - a demo, not a secret

    def run(self) -> None:
        described = self.world.reset()
        organisations: Sequence[Mapping[str, Any]] = described["organisations"]
        users = _main_users(described["users"], organisations)
        consents = {
            user["id"]: self.world.consent(user, organisation_ids, self.desk.app.scopes)
            for user, organisation_ids in users
        }
        broken = self._break(users, organisations)
        rows = self._write_history(organisations, broken)
        numbers = self.world.load_documents(self._documents(rows))
        for row in rows.exports:
            row["xero_id"] = numbers.get(row["number"])
        with self.desk.store.begin() as session:
            self._store_members(session, described["members"])
            self._store_workspaces(session, organisations, users, consents)
            self._store_rows(session, rows)
            receipts.store(session, rows, now=self.now)
            self._store_figures(session)
            self._queue_syncs(session)

    # What is broken now

    def _break(
        self, users: list[tuple[Mapping[str, Any], list[str]]], organisations: Sequence[Mapping[str, Any]]
    ) -> dict[str, timedelta]:
        """Break connections in the sandbox, each in one of the ways there are; return since when."""
        broken: dict[str, timedelta] = {}

        def note(kind: str, *organisation_ids: str) -> None:
            broken.update({one: timedelta(days=_DAYS[kind], hours=len(broken)) for one in organisation_ids})

        admin = next((user, ids) for user, ids in users if user["email"] == ADMIN)
        others = iter([(user, ids[0]) for user, ids in users if len(ids) == 1])
        for kind, act in self._breakages(organisations):
            user, organisation_id = next(others)
            act(user["id"], organisation_id)
            note(kind, organisation_id)
        self.world.expire(admin[0]["id"])
        note("expired", *admin[1])
        return broken

    def _breakages(self, organisations: Sequence[Mapping[str, Any]]) -> Sequence[tuple[str, _Breakage]]:
        world = self.world
        return (
            ("expired", lambda user, _: world.expire(user)),
            ("expired", lambda user, _: world.expire(user)),
            ("revoked", lambda user, _: world.revoke(user)),
            ("disconnected", lambda _, organisation: world.disconnect(organisation)),
            ("disconnected", lambda _, organisation: world.disconnect(organisation)),
            ("role", lambda user, organisation: world.set_role(user, organisation, "ReadOnly")),
            ("role", lambda user, organisation: world.set_role(user, organisation, None)),
            ("scope", lambda user, _: world.remove_scope(user, "accounting.settings.read")),
            ("offline", lambda _, organisation: world.take_offline(organisation)),
            ("accounts", lambda _, organisation: self._archive_all(organisation, organisations)),
        )

    def _archive_all(self, organisation_id: str, organisations: Sequence[Mapping[str, Any]]) -> None:
        accounts = next(o["accounts"] for o in organisations if o["id"] == organisation_id)
        self.world.archive_accounts(organisation_id, [a["code"] for a in accounts if a["type"] != "BANK"])

    # History

    def _write_history(
        self, organisations: Sequence[Mapping[str, Any]], broken: Mapping[str, timedelta]
    ) -> Rows:
        historian = Historian(SEED, self.now)
        customers = [self._customer(organisation, broken) for organisation in organisations]
        total = sum(customer.weight for customer in customers)
        for customer in customers:
            historian.write(customer, round(EXPORTS * 0.86 * customer.weight / total))
        historian.spoil()
        return historian.rows

    def _documents(self, rows: Rows) -> list[dict[str, Any]]:
        """Return what is in Xero of the exports: old bills are paid there."""
        people = {report["id"]: report["submitter_name"] for report in rows.reports}
        return [
            {
                "organisation": row["organisation_id"],
                "kind": "invoice" if row["kind"] is ExportKind.BILL else "bank_transaction",
                "number": row["number"],
                "contact": people[row["report_id"]],
                "date": row["approved_at"].date().isoformat(),
                "total": str(row["amount"]),
                "currency": row["currency"],
                "client_id": self.desk.settings.xero_client_id,
                **self._payment(row),
            }
            for row in rows.exports
            if row["state"] is ExportState.DELIVERED
        ]

    def _payment(self, row: Mapping[str, Any]) -> dict[str, str]:
        paid_at = row["delivered_at"] + PAID_AFTER
        if row["kind"] is not ExportKind.BILL or paid_at > self.now:
            return {"status": "AUTHORISED"}
        return {"status": "PAID", "paid_on": paid_at.date().isoformat()}

    def _customer(self, organisation: Mapping[str, Any], broken: Mapping[str, timedelta]) -> Customer:
        return Customer(
            workspace_id=workspace_id(organisation["id"]),
            organisation_id=organisation["id"],
            currency=organisation["currency"],
            accounts=[a["code"] for a in organisation["accounts"] if a["code"] in MERCHANTS],
            people=self.random.sample(PEOPLE, 4),
            weight=self.random.lognormvariate(0, 0.7),
            broken_for=broken.get(organisation["id"]),
        )

    # Into the store

    def _store_members(self, session: Session, described: Sequence[Mapping[str, str]]) -> None:
        roles = {role.value: role for role in Role}
        for member in described:
            if member["role"] in roles:
                members.add(session, email=member["email"], name=member["name"], role=roles[member["role"]])

    def _store_workspaces(
        self,
        session: Session,
        organisations: Sequence[Mapping[str, Any]],
        users: list[tuple[Mapping[str, Any], list[str]]],
        consents: Mapping[str, Consent],
    ) -> None:
        owners: dict[str, Mapping[str, Any]] = {}
        for user, organisation_ids in users:
            grants.keep(session, self.desk.vault, consents[user["id"]].tokens)
            owners.update(dict.fromkeys(organisation_ids, user))
        grant_ids = dict(session.execute(select(tables.Grant.xero_user_id, tables.Grant.id)).all())
        for number, organisation in enumerate(organisations):
            owner = owners[organisation["id"]]
            session.add(tables.Organisation(id=organisation["id"], name=organisation["name"]))
            self._store_workspace(
                session,
                id_=workspace_id(organisation["id"]),
                name=workspace_name(organisation["name"]),
                organisation=organisation,
                owner_email=owner["email"],
                admins={owner["email"], ADMIN} if number < ADMIN_WORKSPACES else {owner["email"]},
                grant_id=grant_ids[owner["id"]],
                xero_connection_id=consents[owner["id"]].connections[organisation["id"]],
            )
        some_grant = grant_ids[users[-1][0]["id"]]
        for number, name in enumerate(UNCONNECTED):
            self._store_workspace(
                session,
                id_=workspace_id(name),
                name=name,
                organisation=None,
                owner_email=f"office@{name.lower().replace(' ', '').replace('&', 'and')}.example",
                admins=set(),
                grant_id=some_grant if number < NEEDS_ORGANISATION else None,
                xero_connection_id=None,
            )

    def _store_workspace(
        self,
        session: Session,
        *,
        id_: str,
        name: str,
        organisation: Mapping[str, Any] | None,
        owner_email: str,
        admins: set[str],
        grant_id: str | None,
        xero_connection_id: str | None,
    ) -> None:
        yesterday = self.now - timedelta(hours=26)
        session.add(
            tables.Workspace(
                id=id_,
                name=name,
                search_text=finding.search_text(
                    workspace_id=id_,
                    name=name,
                    owner_email=owner_email,
                    organisation_name=organisation["name"] if organisation else None,
                ),
                owner_email=owner_email,
                plan=self.random.choice(("Collect", "Control")),
                country=organisation["country"] if organisation else "GB",
                currency=organisation["currency"] if organisation else "GBP",
                card_account=CARD_ACCOUNT if organisation else None,
                created_at=self.now - timedelta(days=MONTHS_OF_HISTORY * 30 + self.random.randint(5, 400)),
            )
        )
        session.flush()
        session.add_all(tables.WorkspaceAdmin(workspace_id=id_, email=email) for email in sorted(admins))
        session.add(
            tables.Connection(
                workspace_id=id_,
                organisation_id=organisation["id"] if organisation else None,
                grant_id=grant_id,
                xero_connection_id=xero_connection_id,
                health=Health.HEALTHY if organisation else Health.NOT_CONNECTED,
                health_since=yesterday,
                verified_at=yesterday if organisation else None,
                connected_at=yesterday - timedelta(days=400) if organisation else None,
                last_synced_at=yesterday if organisation else None,
            )
        )

    def _store_rows(self, session: Session, rows: Rows) -> None:
        session.flush()
        for table, records in (
            (tables.Incident, rows.incidents),
            (tables.Report, rows.reports),
            (tables.Export, _complete(rows.exports)),
            (tables.ReportLine, rows.lines),
            (
                tables.Attempt,
                [_attempt(row) for row in rows.exports if row["state"] is ExportState.DELIVERED],
            ),
        ):
            session.execute(insert(table), records)
        if session.get_bind().dialect.name == "postgresql":
            # Rows were inserted with their ids, so the sequence has to catch up.
            session.execute(
                text("select setval(pg_get_serial_sequence('exports', 'id'), (select max(id) from exports))")
            )
        for incident in rows.incidents:
            _tell(session, incident)

    def _store_figures(self, session: Session) -> None:
        session.flush()
        today = self.now.date()
        for back in range(MONTHS_OF_HISTORY * 30 + 2):
            insights.recount(session, today - timedelta(days=back))

    def _queue_syncs(self, session: Session) -> None:
        for id_ in session.scalars(
            select(tables.Connection.workspace_id).where(tables.Connection.grant_id.is_not(None))
        ).all():
            syncs.enqueue(session, id_, requested_by=audit.SYSTEM)


def workspace_id(of: str) -> str:
    """Return a policy id of 16 hex characters, always the same for the same name."""
    return sha256(of.encode()).hexdigest()[:16].upper()


def _main_users(
    users: Sequence[Mapping[str, Any]], organisations: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Return each Xero user who set connections up, with the organisations: one Adviser for each."""
    mine: dict[str, list[str]] = {}
    for organisation in organisations:
        advisers = [user for user in users if user["roles"].get(organisation["id"]) == "Adviser"]
        mine.setdefault(advisers[0]["id"], []).append(organisation["id"])
    return [(user, mine[user["id"]]) for user in users if user["id"] in mine]


def _complete(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every row the same columns, as a bulk insert needs them."""
    optional = dict.fromkeys(("code", "message", "failed_at", "delivered_at", "xero_id", "incident_id"))
    return [{**optional, **record} for record in records]


def _attempt(export: dict[str, Any]) -> dict[str, Any]:
    """Return the try that brought an export of the past into Xero."""
    return {
        "export_id": export["id"],
        "batch": new_id(),
        "position": 0,
        "sent_at": export["delivered_at"] - timedelta(seconds=1),
        "answered_at": export["delivered_at"],
        "state": AttemptState.DELIVERED,
        "status": 200,
    }


def _tell(session: Session, incident: dict[str, Any]) -> None:
    moments: tuple[tuple[str, str, datetime], ...] = (
        ("incident opened", f"{incident['code']}: {incident['detail']}", incident["opened_at"]),
        ("repaired", "Xero answers again: a full sync succeeded.", incident["reconnected_at"]),
        ("incident closed", "Everything that failed has arrived in Xero.", incident["closed_at"]),
    )
    for action, summary, at in moments:
        audit.record(
            session,
            action,
            summary,
            workspace_id=incident["workspace_id"],
            incident_id=incident["id"],
            at=at,
        )
