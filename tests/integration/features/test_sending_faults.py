"""One kind of fault a row: what everybody sees at once, and that nothing is lost or doubled after it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from services import audit
from services.store import tables
from services.store.engine import utcnow
from services.store.states import AttemptState, ExportState, Health, IncidentState, RunState
from tests.integration.features.ledger import assert_each_once, attempts, headers, put_in_xero, wait_for_calls
from tests.integration.office import Office, Shop

FOREVER = timedelta(hours=30)
BILLS = "Invoices"
PUT_BILLS = "PUT /api.xro/2.0/Invoices"
HUNG_UP_SECONDS, LATE_SECONDS = 0.2, 0.7
#: All keys are forgotten by then.
MUCH_LATER = timedelta(minutes=7)


def answer(*elements: Any) -> str:
    return json.dumps({BILLS: list(elements)})


def made(number: str) -> dict[str, Any]:
    return {"InvoiceNumber": number, "InvoiceID": f"id of {number}", "HasErrors": False}


def in_another_order(numbers: Sequence[str]) -> str:
    return answer(*(made(number) for number in reversed(numbers)))


def of_somebody_else(numbers: Sequence[str]) -> str:
    return answer(*(made(f"OTHER-{number}") for number in numbers))


def too_short(numbers: Sequence[str]) -> str:
    return answer(*(made(number) for number in numbers[:-1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault of the first call that sends bills, and what it looks like until work goes on."""

    fault: dict[str, Any]
    body: Callable[[Sequence[str]], str] | None = None
    exports: ExportState
    attempt: AttemptState
    status: int | None
    waits_for: str
    hangs_up: bool = False
    calls: int = 2  #: that send bills, in all
    keys: int = 2  #: under which they went out


def limit(name: str) -> Row:
    told = {"X-Rate-Limit-Problem": name, "Retry-After": "0"}
    return Row(
        fault={"status": 429, "headers": told},
        exports=ExportState.WAITING,
        attempt=AttemptState.NOT_SENT,
        status=429,
        waits_for=f"Waiting for Xero: Xero's {name} limit is used up.",
    )


def outage(text: str, waits_for: str) -> Row:
    return Row(
        fault={"status": 503, "body": text},
        exports=ExportState.WAITING,
        attempt=AttemptState.NOT_SENT,
        status=503,
        waits_for=waits_for,
    )


def unknown(status: int | None = None, calls: int = 2, **given: Any) -> Row:
    row = Row(
        fault={} if status is None else {"status": status},
        exports=ExportState.IN_DOUBT,
        attempt=AttemptState.UNKNOWN,
        status=status,
        waits_for="Asking Xero whether the last batch arrived",
        calls=calls,
        keys=1,  # the call may still arrive, or somebody else may have answered for Xero
    )
    return replace(row, **given)


ROWS = {
    "429: the minute": limit("minute"),
    "429: the day": limit("day"),
    "429: too many at once": limit("concurrent"),
    "429: the app's minute": limit("appminute"),
    "503: maintenance": outage("", "Waiting for Xero: Xero is offline for maintenance"),
    "503: the organisation": outage("The Organisation is offline", "Xero says that this organisation is off"),
    "500": unknown(500, keys=2),  # which Xero would repeat under the first key
    "504: a gateway gave up": unknown(504),
    "no answer in time": unknown(fault={"delay_seconds": LATE_SECONDS}, hangs_up=True),
    "cut before the work": unknown(fault={"reset": "before"}),
    "cut after the work": unknown(fault={"reset": "after"}, calls=1),
    "broken JSON": unknown(200, body=lambda numbers: answer(*numbers)[:-5]),
    "a web page": unknown(200, body=lambda _: "<html>Sign in to the hotel's network</html>"),
    "elements of another type": unknown(200, body=lambda numbers: answer(*numbers)),
    "an answer too short": unknown(200, body=too_short),
    "answers in another order": unknown(200, body=in_another_order),
    "answers about foreign numbers": unknown(200, body=of_somebody_else),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_a_fault_is_seen_at_once_waited_out_and_each_export_arrives_once(office: Office, row: Row) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    if row.hangs_up:
        office.desk = replace(office.desk, app=replace(office.desk.app, api_timeout_seconds=HUNG_UP_SECONDS))
    numbers = [office.export(export_id).number for export_id in ids]
    office.fault(shop, "PUT", BILLS, **row.fault, **({"body": row.body(numbers)} if row.body else {}))
    plan_id = office.retry(shop)
    office.work_off()
    assert office.states(ids) == [row.exports] * 3
    tries = attempts(office, *ids)
    assert [(each.state, each.status) for each in tries] == [(row.attempt, row.status)] * 3
    assert all((each.correlation_id is None) == (row.status is None) for each in tries)
    (lane,) = office.run(plan_id).lanes
    assert (lane.state, row.waits_for in (lane.waiting_for or "")) == (RunState.QUEUED, True)
    assert office.incident(shop) is None
    office.work_off(ahead=FOREVER)
    wait_for_calls(office, shop, PUT_BILLS, row.calls)
    assert_each_once(office, shop, ids)
    assert office.run(plan_id).state is RunState.FINISHED
    assert_all_accounted_for(office, ids)
    assert office.calls(shop)["by_path"][PUT_BILLS] == row.calls
    assert len({each.batch for each in attempts(office, *ids)}) == row.keys


def assert_all_accounted_for(office: Office, ids: Sequence[int]) -> None:
    """Every attempt has an end, and the one that brought the document says so."""
    tries = attempts(office, *ids)
    assert all(each.answered_at is not None for each in tries)
    assert {each.state for each in tries} <= {AttemptState.DELIVERED, AttemptState.NOT_SENT}
    last = {each.export_id: each.state for each in tries}
    assert last == dict.fromkeys(ids, AttemptState.DELIVERED)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.attempt is AttemptState.UNKNOWN])
def test_it_arrives_once_too_when_work_goes_on_after_xero_forgot_the_key(office: Office, name: str) -> None:
    shop, row = office.shop(), ROWS[name]
    ids = office.exports(shop, 2)
    numbers = [office.export(export_id).number for export_id in ids]
    fault = {"reset": "before"} if row.hangs_up else row.fault
    office.fault(shop, "PUT", BILLS, **fault, **({"body": row.body(numbers)} if row.body else {}))
    office.retry(shop)
    office.work_off()
    with time_machine.travel(utcnow() + MUCH_LATER):
        office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    assert_all_accounted_for(office, ids)


def test_an_access_token_that_runs_out_is_refreshed_once_and_the_run_goes_on(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    office.xero.control("DELETE", "/calls")
    office.fault(shop, "PUT", BILLS)  # the first batch passes
    office.fault(shop, "PUT", BILLS, status=401, body='{"Detail": "TokenExpired: token expired"}')
    plan_id = office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    assert office.xero.control("GET", "/calls")["refreshes"] == 1
    assert (office.run(plan_id).state, office.incident(shop)) == (RunState.FINISHED, None)
    assert_all_accounted_for(office, ids)


@dataclass(frozen=True, slots=True)
class Break:
    """A connection that breaks between two batches: how, and what the incident says of it."""

    act: Callable[[Office, Shop], object]
    cause: Health
    code: str
    why: str


def expire(office: Office, shop: Shop) -> None:
    office.xero.control("POST", f"/users/{shop.user['id']}/expire")


def revoke(office: Office, shop: Shop) -> None:
    office.xero.control("POST", f"/users/{shop.user['id']}/revoke")


BREAKS = {
    "disconnected": Break(Office.disconnect, Health.DISCONNECTED, "XERO11", "is not connected"),
    "login run out": Break(expire, Health.EXPIRED, "XERO11", "has expired or was revoked"),
    "login revoked": Break(revoke, Health.EXPIRED, "XERO45", "does not accept the access token"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=list(BREAKS))
def test_a_connection_that_breaks_mid_run_holds_the_rest_and_its_history_says_how_many_and_why(
    office: Office, broken: Break
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)
    office.fault(shop, "PUT", BILLS)  # the first batch passes
    office.fault(shop, "PUT", BILLS, status=503)
    plan_id = office.retry(shop)
    office.work_off()
    broken.act(office, shop)
    office.work_off(ahead=FOREVER)
    sent, rest = ids[:50], ids[50:]
    assert_each_once(office, shop, sent)
    assert set(office.states(rest)) == {ExportState.HELD}
    assert {each.state for each in attempts(office, *rest)} == {AttemptState.NOT_SENT}
    run = office.run(plan_id)
    assert (run.state, run.delivered, run.held) == (RunState.FINISHED, 50, 10)
    incident = office.incident(shop)
    assert incident is not None
    assert (incident.state, incident.cause, incident.code) == (IncidentState.OPEN, broken.cause, broken.code)
    assert {office.export(export_id).incident_id for export_id in rest} == {incident.id}
    [told] = told_of_held(office, incident.id)
    assert told.startswith("10 exports are held. Not sent: the connection to Xero broke.")
    assert broken.why in told
    assert len(office.results(plan_id)) == 60


def told_of_held(office: Office, incident_id: str) -> list[str]:
    with office.desk.store.read() as session:
        entries = session.query(tables.AuditEntry).filter_by(incident_id=incident_id, action="exports held")
        assert {entry.actor for entry in entries} <= {audit.SYSTEM}
        return [entry.summary for entry in entries]


def test_what_was_held_goes_once_the_connection_is_repaired(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    office.fault(shop, "PUT", BILLS, status=503)
    office.retry(shop)
    office.work_off()
    expire(office, shop)
    office.work_off(ahead=FOREVER)
    assert office.states(ids) == [ExportState.HELD] * 3
    office.repair(shop)
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    incident = office.incident(shop)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED


@pytest.mark.parametrize("made_it", [False, True], ids=["and was not made", "and was made"])
def test_an_element_with_an_id_and_errors_is_asked_for_before_it_is_sent_again(
    office: Office, made_it: bool
) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    number = office.export(export_id).number
    torn = made(number) | {"ValidationErrors": [{"Message": "Account code '493' is not a valid code"}]}
    office.fault(shop, "PUT", BILLS, status=200, body=answer(torn))
    office.retry(shop)
    office.work_off()
    export = office.export(export_id)
    assert (export.state, export.code) == (ExportState.FAILED, "XERO01")
    assert "gave it an id" in (export.message or "")
    [attempt] = attempts(office, export_id)
    assert (attempt.state, attempt.status) == (AttemptState.UNKNOWN, 200)
    if made_it:
        put_in_xero(office, shop, export_id, "AUTHORISED")
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, [export_id])
    assert_all_accounted_for(office, [export_id])


def test_the_key_that_goes_out_is_the_batch_that_is_stored(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.retry(shop)
    office.work_off()
    [attempt] = attempts(office, export_id)
    assert (attempt.state, attempt.status) == (AttemptState.DELIVERED, 200)
    assert len(attempt.correlation_id or "") == 36
    ours = headers(office, shop) | {"Idempotency-Key": attempt.batch}
    again = office.xero.http.put("/api.xro/2.0/Invoices", headers=ours, json={BILLS: []})
    assert again.status_code == 400
    assert "is used with a different request" in again.json()["Message"]
