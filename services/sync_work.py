"""The work of a sync: check the connection, then import what exports need, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from services import audit, calls, catalogue, connections, finding, paid, pausing, reference
from services.connections import Trouble
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health, SyncState
from services.syncs import (
    ACCOUNTS,
    BANK_ACCOUNTS,
    CATEGORIES,
    CHECKING,
    CUSTOMERS,
    LOADING,
    REIMBURSED,
    STAGES,
    STARTING,
    STORING,
    SYNCING,
    TAX_RATES,
    TRACKING,
    UNDER_WAY,
)
from services.xero.api import Api
from services.xero.connections import list_connections
from services.xero.documents import find_bank_transactions, find_bills, read_paid_bills
from services.xero.errors import Fault, XeroError
from services.xero.pace import MustWait
from services.xero.reference import (
    Account,
    OrganisationDetails,
    read_accounts,
    read_contacts,
    read_currencies,
    read_organisation,
    read_tax_rates,
    read_tracking_categories,
)

#: Faults of our own, e.g. a database that went away, after which a sync is closed as failed.
FAULTS = 3
OWN_FAULT = (
    "Relink itself could not finish this sync. Press Sync Now again; if it comes back, give the "
    "reference {} to whoever runs Relink."
)
#: Answers to one question alone; any other failed call says something about the connection.
ONE_QUESTION = frozenset({Fault.INVALID, Fault.NOT_FOUND, Fault.MALFORMED})
NO_DOCUMENT = "RELINK-PERMISSION"  # a number that no export has
PAUSE_SECONDS = 5.0  # after a limit that does not say how long; the pace knows better at the next try


@dataclass(slots=True)
class _Run:
    """One sync at work."""

    desk: Desk
    sync_id: str
    workspace_id: str
    lacked: bool  #: whether a permission was missing when Xero was last asked
    stands_on: tuple[object, ...]  #: login and organisation, and since when
    listed: bool = False  #: whether Xero still lists the organisation to this login

    @contextmanager
    def stage(self, label: str, *, needed: bool = True) -> Iterator[list[Sized]]:
        """Record a stage's beginning, and its end with the number of things put into the list.

        One that exports can do without is left out where Xero refuses what it asks for.
        """
        position, found, left_out = STAGES.index(label), list[Sized](), None
        with self.desk.store.begin() as session:
            session.add(
                tables.SyncStage(sync_id=self.sync_id, position=position, label=label, started_at=utcnow())
            )
        try:
            yield found
        except XeroError as error:
            if needed or error.fault not in ONE_QUESTION:
                raise
            left_out = error.detail
        with self.desk.store.begin() as session:
            stage = session.get_one(tables.SyncStage, (self.sync_id, position))
            stage.ended_at = utcnow()
            stage.count = sum(len(things) for things in found) if found else None
            stage.left_out = left_out


def run(desk: Desk, sync_id: str, slice_: int) -> None:
    """Carry out a queued sync to its end; run again after a crash, it starts over.

    When Xero's limits ask for a pause it is queued again for later.
    """
    with desk.store.begin() as session:
        sync = session.get_one(tables.Sync, sync_id, with_for_update=True)
        if sync.state not in UNDER_WAY or sync.slice != slice_:
            return
        sync.state, sync.started_at = SyncState.RUNNING, sync.started_at or utcnow()
        session.execute(delete(tables.SyncStage).where(tables.SyncStage.sync_id == sync_id))
        connection = session.get_one(tables.Connection, sync.workspace_id)
        if (why := pausing.why_not(connection, asked_by=sync.requested_by)) is not None:
            sync.state, sync.started_at = SyncState.FAILED, None
            sync.finished_at, sync.message = utcnow(), why
            return
        grant_id, organisation_id = connection.grant_id, connection.organisation_id
    lacked = connection.health is Health.MISSING_SCOPE
    work = _Run(desk, sync_id, sync.workspace_id, lacked, stands_on=_stands_on(connection))
    with work.stage(STARTING):
        pass
    try:
        if grant_id is None:
            _fail_with(work, connections.NEVER_CONNECTED)
        elif organisation_id is None:
            _fail_with(work, connections.NO_ORGANISATION)
        else:
            with calls.xero(desk, grant_id=grant_id, organisation_id=organisation_id) as api:
                _import(work, api, organisation_id)
    except MustWait as wait:
        queue_again(desk, sync_id, seconds=wait.seconds)
    except XeroError as error:
        if error.fault is Fault.THROTTLED and error.limit != "day":
            queue_again(desk, sync_id, seconds=error.retry_after_seconds or PAUSE_SECONDS)
        else:
            _fail(work, error)


def queue_again(desk: Desk, sync_id: str, *, seconds: float) -> None:
    """Queue a sync under way once more, not before so many seconds."""
    with desk.store.begin() as session:
        _queue_again(session, sync_id, seconds=seconds)


def _queue_again(session: Session, sync_id: str, *, seconds: float) -> None:
    sync = session.get_one(tables.Sync, sync_id, with_for_update=True)
    sync.state = SyncState.QUEUED
    sync.slice += 1
    sync.due_at = utcnow() + timedelta(seconds=seconds)


def queue_stranded_again(desk: Desk, sync_id: str, slice_: int) -> None:
    """Queue a sync again at which Relink itself failed; the third time it is closed as failed."""
    with desk.store.begin() as session:
        sync = session.get_one(tables.Sync, sync_id, with_for_update=True)
        if sync.slice != slice_ or sync.state not in UNDER_WAY:
            return
        sync.faults += 1
        if sync.faults < FAULTS:
            sync.state, sync.slice = SyncState.QUEUED, sync.slice + 1
            return
        sync.state, sync.finished_at, sync.message = SyncState.FAILED, utcnow(), OWN_FAULT.format(sync_id[:8])
        audit.record(session, "sync failed", sync.message, workspace_id=sync.workspace_id)


def _import(work: _Run, api: Api, organisation_id: str) -> None:
    with work.stage(CHECKING):
        _check(work, api, organisation_id)
        if work.lacked:
            _ask_as_exports_do(api, organisation_id)
    currencies: list[str] = []
    with work.stage(SYNCING, needed=False) as found:
        currencies = read_currencies(api, organisation_id)
        found.append(currencies)
    with work.stage(LOADING):
        details = read_organisation(api, organisation_id)
    with work.stage(ACCOUNTS) as found:
        accounts = read_accounts(api, organisation_id)
        found.append(accounts)
    with work.stage(CATEGORIES) as found:
        categories = [account for account in accounts if _is_category(account)]
        found.append(categories)
    if not categories:
        _fail_with(work, connections.NO_ACCOUNTS)
        return
    with work.stage(TRACKING) as found:
        tracking = read_tracking_categories(api, organisation_id)
        found.append(tracking)
    with work.stage(CUSTOMERS) as found:
        contacts = list(read_contacts(api, organisation_id))
        found.append(contacts)
    with work.stage(BANK_ACCOUNTS) as found:
        found.append([account for account in accounts if account.type == "BANK"])
    with work.stage(TAX_RATES) as found:
        tax_rates = read_tax_rates(api, organisation_id)
        found.append(tax_rates)
    _mark_paid(work, api, organisation_id)
    with work.stage(STORING), work.desk.store.begin() as session:
        _keep_details(session, work.workspace_id, organisation_id, details)
        reference.store_imported(
            session,
            organisation_id,
            accounts=accounts,
            tax_rates=tax_rates,
            tracking=tracking,
            contacts=contacts,
            # The base currency always goes, whatever the list of currencies holds.
            currencies={*currencies, details.base_currency} if currencies else (),
        )
    _succeed(work)


def _check(work: _Run, api: Api, organisation_id: str) -> None:
    """Ask Xero whether this login still sees the organisation.

    A disconnect inside Xero leaves the token good and the refresh working: the organisation is
    just missing from the list.
    """
    listed = {connection.organisation_id for connection in list_connections(api)}
    work.listed = organisation_id in listed
    if not work.listed:
        raise XeroError(
            fault=Fault.NOT_CONNECTED,
            status=200,
            detail="Xero no longer lists the organisation for this login.",
        )


def _mark_paid(work: _Run, api: Api, organisation_id: str) -> None:
    """Mark the delivered bills that are paid in Xero by now; where all are, no call is made."""
    with work.stage(REIMBURSED, needed=False) as found:
        with work.desk.store.read() as session:
            question = paid.question(session, work.workspace_id)
        bills = read_paid_bills(api, organisation_id, since=question.since) if question else ()
        seen = list(bills)
        with work.desk.store.begin() as session:
            found.append(paid.mark(session, work.workspace_id, seen, now=utcnow()))


def _ask_as_exports_do(api: Api, organisation_id: str) -> None:
    """Use the permissions that exports need and an import does not: a sync without them proves no repair."""
    find_bills(api, organisation_id, [NO_DOCUMENT])
    find_bank_transactions(api, organisation_id, [NO_DOCUMENT])


def _is_category(account: Account) -> bool:
    return account.status == reference.ACTIVE and account.show_in_expense_claims


def _keep_details(
    session: Session, workspace_id: str, organisation_id: str, details: OrganisationDetails
) -> None:
    finding.name_organisation(session, workspace_id, details.name)
    organisation = session.get_one(tables.Organisation, organisation_id)
    organisation.name = details.name
    organisation.short_code = details.short_code
    organisation.base_currency = details.base_currency
    organisation.country = details.country
    organisation.period_lock_date = details.period_lock_date
    organisation.end_of_year_lock_date = details.end_of_year_lock_date
    organisation.imported_at = utcnow()


def _stands_on(connection: tables.Connection) -> tuple[object, ...]:
    return connection.grant_id, connection.organisation_id, connection.connected_at


@contextmanager
def _settling(work: _Run) -> Iterator[Session | None]:
    """Open the transaction that takes in what came of a sync, with the connection's row locked.

    None where the workspace was connected anew meanwhile: what the sync found says nothing about that,
    so it is queued again.
    """
    with work.desk.store.begin() as session:
        if _stands_on(pausing.lock(session, work.workspace_id)) == work.stands_on:
            yield session
            return
        _queue_again(session, work.sync_id, seconds=0)
        yield None


def _succeed(work: _Run) -> None:
    now = utcnow()
    with _settling(work) as session:
        if session is None:
            return
        connections.record_verified(session, work.workspace_id, now=now, synced=True)
        sync = session.get_one(tables.Sync, work.sync_id)
        sync.state, sync.finished_at, sync.code, sync.message = SyncState.SUCCEEDED, now, None, None
        audit.record(
            session,
            "synced",
            "Sync finished.",
            actor=sync.requested_by,
            workspace_id=work.workspace_id,
            at=now,
        )


def _fail(work: _Run, error: XeroError) -> None:
    now = utcnow()
    with _settling(work) as session:
        if session is None:
            return
        code = connections.record_failure(session, work.workspace_id, error, listed=work.listed, now=now)
        _close_failed(session, work, code, error.detail, now)


def _fail_with(work: _Run, trouble: Trouble) -> None:
    now = utcnow()
    with _settling(work) as session:
        if session is None:
            return
        connections.record_trouble(session, work.workspace_id, trouble, now=now)
        _close_failed(session, work, trouble.code, trouble.detail, now)


def _close_failed(session: Session, work: _Run, code: str, detail: str, now: datetime) -> None:
    sync = session.get_one(tables.Sync, work.sync_id)
    message = f"{code} Sync Error: {catalogue.get(code).message}"
    sync.state, sync.finished_at, sync.code, sync.message = SyncState.FAILED, now, code, message
    audit.record(
        session,
        "sync failed",
        message,
        actor=sync.requested_by,
        workspace_id=work.workspace_id,
        at=now,
        answer=detail,
    )
