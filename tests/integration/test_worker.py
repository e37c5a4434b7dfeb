"""The worker as a real process: its name, its faults, and what it leaves behind when it dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select, update

from services import disconnects, messages, syncs
from services.health import ready
from services.store import tables
from services.store.engine import utcnow
from services.store.migrate import migrate
from services.store.states import ExportState, Health, MessageState, RunState, SyncState, Verdict
from tests.house import ROOT, House
from tests.integration.office import Office, Shop
from tests.integration.sandbox.driver import drive
from tests.patience import PATIENCE_SECONDS, until


@pytest.fixture
def office(tree: House) -> Iterator[Office]:
    """A desk at the house's store."""
    with drive(tree.sandbox_url) as xero:
        office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
        migrate(office.desk.store)
        office.staff()
        yield office
        office.desk.store.close()


def log_of(tree: House, worker: str = "worker") -> Callable[[], str]:
    return lambda: tree.log(worker)


def ask_for_sync(office: Office, shop: Shop) -> None:
    with office.desk.store.begin() as session:
        syncs.enqueue(session, shop.workspace_id, requested_by=office.agent.email)


def latest_sync(office: Office, shop: Shop) -> syncs.SyncView:
    with office.desk.store.read() as session:
        found = syncs.latest(session, shop.workspace_id)
    assert found is not None
    return found


def test_a_sync_that_was_asked_for_is_done(tree: House, office: Office) -> None:
    shop = office.shop()
    ask_for_sync(office, shop)
    tree.start_worker()
    until(lambda: latest_sync(office, shop).state is SyncState.SUCCEEDED, why=log_of(tree))


def test_a_message_that_was_queued_is_sent_and_no_log_tells_it(tree: House, office: Office) -> None:
    with office.desk.store.begin() as session:
        message_id = messages.queue(
            session,
            office.desk.vault,
            kind=messages.Kind.CODE,
            channel=messages.Channel.EMAIL,
            recipient="anna@shop.example",
            subject="Your code",
            body="Your code is 493817.",
        )
    tree.start_worker()
    until(lambda: message_state(office, message_id) is MessageState.SENT, why=log_of(tree))
    assert [mail.body for mail in office.xero.mails("anna@shop.example")] == ["Your code is 493817."]
    assert not any(secret in tree.log("worker") for secret in ("493817", "anna@", "/mail/"))


def message_state(office: Office, message_id: str) -> MessageState:
    with office.desk.store.read() as session:
        found = messages.view(session, message_id)
    assert found is not None
    return found.state


def test_a_disconnect_that_was_asked_for_is_done(tree: House, office: Office) -> None:
    shop = office.shop()
    with office.desk.store.begin() as session:
        disconnects.ask(session, office.admin, shop.workspace_id, reason="It closes.")
    tree.start_worker()
    until(lambda: office.connection(shop).health is Health.NOT_CONNECTED, why=log_of(tree))
    assert office.all_calls()["by_path"]["DELETE /connections/{id}"] == 1


def test_a_plan_that_is_left_to_judge_is_judged(tree: House, office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 3)
    plan_id = office.plan(shop)
    with office.desk.store.begin() as session:
        session.execute(update(tables.PlanItem).values(verdict=Verdict.JUDGING))
        session.get_one(tables.RetryPlan, plan_id).judging_due_at = utcnow()
    tree.start_worker()

    def judged() -> bool:
        return {verdict for verdict, _ in office.verdicts(plan_id).values()} == {Verdict.WILL_SEND}

    until(judged, why=log_of(tree))


def test_a_fault_of_our_own_is_tried_again_and_then_said_aloud(tree: House, office: Office) -> None:
    shop = office.shop()
    ask_for_sync(office, shop)
    tree.start_worker(RELINK_ENCRYPTION_KEYS=Fernet.generate_key().decode())
    until(lambda: latest_sync(office, shop).state is SyncState.FAILED, why=log_of(tree))
    assert "Relink itself could not finish this sync" in (latest_sync(office, shop).message or "")
    assert tree.log("worker").count("work was stranded, queued again") == 3
    ask_for_sync(office, shop)
    assert latest_sync(office, shop).state is SyncState.QUEUED


def test_two_workers_of_one_name_do_not_work_at_once(tree: House, office: Office) -> None:
    tree.start_worker()
    until(lambda: "worker ready" in tree.log("worker"), why=log_of(tree))
    second = subprocess.run(
        [sys.executable, "-m", "services.worker"],
        cwd=ROOT,
        env={**tree.environment, "RELINK_WORKER_ID": "worker"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert second.returncode == 1
    assert "RELINK_WORKER_ID" in second.stderr
    assert "Traceback" not in second.stderr


def test_another_worker_takes_over_from_a_dead_one(tree: House, office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    office.fault(shop, "PUT", "Invoices", delay_seconds=5.0)
    tree.start_worker("first")
    office.retry(shop)
    until(lambda: office.states(ids) == [ExportState.SENDING] * 3, why=log_of(tree, "first"))
    tree.kill("first")
    office.xero.control("DELETE", "/faults")
    long_ago = utcnow() - timedelta(minutes=1)
    with office.desk.store.begin() as session:
        session.execute(update(tables.Worker).values(beat_at=long_ago))
    tree.start_worker("second")
    until(lambda: office.states(ids) == [ExportState.DELIVERED] * 3, why=log_of(tree, "second"))
    assert (office.ledger(shop)["count"], office.ledger(shop)["duplicates"]) == (3, {})
    until(lambda: lanes(office) == [RunState.FINISHED], why=log_of(tree, "second"))


def lanes(office: Office) -> list[RunState]:
    with office.desk.store.read() as session:  # anew each time: a session goes on seeing what it saw first
        return list(session.scalars(select(tables.Lane.state)))


def stop(tree: House, worker: str = "worker") -> None:
    """Stop a worker in order, as Ctrl-C does."""
    process = tree.processes.pop(worker)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 0


def test_a_worker_that_was_stopped_is_not_counted_on_and_its_name_is_free(
    tree: House, office: Office
) -> None:
    tree.start_worker()
    until(lambda: ready(office.desk).worker, why=log_of(tree))
    stop(tree)
    assert not ready(office.desk).worker
    tree.start_worker()
    until(lambda: ready(office.desk).worker, why=log_of(tree))
    assert tree.processes["worker"].poll() is None


def test_what_a_stopped_worker_left_behind_is_taken_over_by_another(tree: House, office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    office.fault(shop, "PUT", "Invoices", delay_seconds=8.0)  # longer than it waits for its work
    tree.start_worker("first")
    office.retry(shop)
    until(lambda: office.states(ids) == [ExportState.SENDING] * 3, why=log_of(tree, "first"))
    stop(tree, "first")
    office.xero.control("DELETE", "/faults")
    tree.start_worker("second")
    until(lambda: office.states(ids) == [ExportState.DELIVERED] * 3, why=log_of(tree, "second"))
    assert (office.ledger(shop)["count"], office.ledger(shop)["duplicates"]) == (3, {})
