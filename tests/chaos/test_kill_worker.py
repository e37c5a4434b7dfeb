"""Ten times kill -9 of a worker in the middle of a retry: nothing lost, nothing twice."""

from __future__ import annotations

from services import planning, retries
from services.exports import ExportFilter
from services.runs import run_view
from services.store.migrate import migrate
from services.store.states import ExportKind, ExportState, RunState
from tests.house import House
from tests.integration.office import Office, Shop
from tests.integration.sandbox.driver import drive
from tests.patience import until

ORGANISATIONS = 20
EXPORTS_EACH = 25
BILLS_EACH = 15  # the others are bank transactions, so that every organisation takes two batches
KILLS = 10
PUTS_A_ROUND = 4
SENDS = "/api.xro/2.0/(Invoices|BankTransactions)"


def test_ten_kills_in_a_retry_of_500_exports_lose_nothing_and_double_nothing(tree: House) -> None:
    with drive(tree.sandbox_url) as xero:
        office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
        migrate(office.desk.store)
        office.staff()
        shops = [office.shop() for _ in range(ORGANISATIONS)]
        ids = [export_id for shop in shops for export_id in _failed(office, shop)]
        plan_id = _start(office)
        for _ in range(KILLS):
            _let_a_few_through(office)
            tree.start_worker()
            until(lambda: _sent(office) >= PUTS_A_ROUND, why=lambda: tree.log("worker"))
            assert not _finished(office, plan_id)
            tree.kill("worker")
        xero.control("DELETE", "/faults")
        tree.start_worker()
        until(lambda: _finished(office, plan_id), why=lambda: tree.log("worker"))
        assert office.states(ids).count(ExportState.DELIVERED) == ORGANISATIONS * EXPORTS_EACH
        ledgers = [office.ledger(shop) for shop in shops]
        assert [ledger["count"] for ledger in ledgers] == [EXPORTS_EACH] * ORGANISATIONS
        assert [ledger["duplicates"] for ledger in ledgers] == [{}] * ORGANISATIONS
        office.desk.store.close()


def _failed(office: Office, shop: Shop) -> list[int]:
    return [
        *office.exports(shop, BILLS_EACH, state=ExportState.FAILED, code="XERO11"),
        *office.exports(
            shop,
            EXPORTS_EACH - BILLS_EACH,
            state=ExportState.FAILED,
            code="XERO11",
            kind=ExportKind.BANK_TRANSACTION,
        ),
    ]


def _start(office: Office) -> str:
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, filter=ExportFilter())
        retries.start(session, office.agent, plan_id, "month end")
    return plan_id


def _let_a_few_through(office: Office) -> None:
    """Of the next sends one arrives with its answer lost, two arrive late, and the rest get nowhere."""
    office.xero.control("DELETE", "/faults")
    office.xero.control("DELETE", "/calls")
    for number, fault in (
        (1, {"reset": "after"}),
        (2, {"delay_seconds": 0.5}),
        (10_000, {"reset": "before"}),
    ):
        office.xero.control("POST", "/faults", method="PUT", path=SENDS, times=number, **fault)


def _sent(office: Office) -> int:
    calls = office.xero.control("GET", "/calls")["by_path"]
    return sum(number for path, number in calls.items() if path.startswith("PUT "))


def _finished(office: Office, plan_id: str) -> bool:
    with office.desk.store.read() as session:
        run = run_view(session, plan_id)
    return run is not None and run.state is RunState.FINISHED
