"""`make bench`: how long a retry of 1,000 exports takes, and whether Xero had to refuse a call."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from services import planning, retries
from services.exports import ExportFilter
from services.runs import run_view
from services.store.migrate import migrate
from services.store.states import ExportState, RunState
from tests.house import House, house
from tests.integration.office import Office
from tests.integration.sandbox.driver import drive
from tests.patience import until

ORGANISATIONS = 20
EXPORTS_EACH = 50
TARGET_SECONDS = 60.0


def main() -> None:
    """Print one line for each kind of limits."""
    for limits in ("off", "real"):
        with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as tree:
            print(measure(tree, limits), flush=True)


def measure(tree: House, limits: str) -> str:
    """Retry 1,000 failed exports over 20 organisations and say how it went."""
    tree.start_sandbox(limits=limits)
    with drive(tree.sandbox_url) as xero:
        office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
        migrate(office.desk.store)
        office.staff()
        for _ in range(ORGANISATIONS):
            office.exports(office.shop(), EXPORTS_EACH, state=ExportState.FAILED, code="XERO11")
        office.xero.control("DELETE", "/calls")
        tree.start_worker()
        seconds = _retry_all(office)
        calls = office.xero.control("GET", "/calls")
        ledger = office.xero.control("GET", "/ledger")
        office.desk.store.close()
    return (
        f"limits {limits}: {ledger['count']:,} documents, {len(ledger['duplicates'])} duplicates, "
        f"{calls['total']} calls, {calls['by_status'].get('429', 0)} refused for going too fast, "
        f"{seconds:.1f} s ({seconds / TARGET_SECONDS:.2f} of the {TARGET_SECONDS:.0f} s allowed)"
    )


def _retry_all(office: Office) -> float:
    began = time.monotonic()
    with office.desk.store.begin() as session:
        plan_id = planning.plan(session, office.agent, filter=ExportFilter())
        retries.start(session, office.agent, plan_id, "month end")
    until(lambda: _finished(office, plan_id), seconds=10 * TARGET_SECONDS)
    return time.monotonic() - began


def _finished(office: Office, plan_id: str) -> bool:
    with office.desk.store.read() as session:
        run = run_view(session, plan_id)
    return run is not None and run.state is RunState.FINISHED


if __name__ == "__main__":
    main()
