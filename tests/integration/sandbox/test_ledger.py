"""What the ledger and the call log tell those who check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.driver import CLIENT, Driver, serve
from tests.integration.sandbox.papers import bill, create, send, spend


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Driver]:
    """A sandbox of its own, because the whole ledger and all calls are counted."""
    with serve() as base_url, httpx.Client(base_url=base_url) as http:
        yield Driver(base_url, http)


def past(organisation: dict[str, Any], number: str, **changes: Any) -> dict[str, Any]:
    return {
        "organisation": organisation["id"],
        "kind": "invoice",
        "number": number,
        "contact": "Parkway Cabs",
        "date": "2025-11-03",
        "total": "41.30",
        "currency": "GBP",
        "status": "PAID",
    } | changes


def load(sandbox: Driver, *documents: dict[str, Any]) -> list[dict[str, str]]:
    answer = sandbox.http.post("/sandbox/documents", json=list(documents))
    assert answer.status_code == 201, answer.text
    loaded: list[dict[str, str]] = answer.json()
    return loaded


def test_the_ledger_holds_every_document_of_an_organisation(sandbox: Driver) -> None:
    who, other = sandbox.connected(), sandbox.connected()
    create(sandbox, who, bill("EXP-1"))
    send(sandbox, who, "PUT", "/BankTransactions", spend("CARD-1"))
    create(sandbox, other, bill("EXP-1"))
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert (listed["count"], listed["duplicates"]) == (2, {})
    first, second = listed["documents"]
    assert (first["kind"], first["number"], first["total"]) == ("invoice", "EXP-1", "12.5")
    assert (second["kind"], second["number"], second["currency"]) == ("bank_transaction", "CARD-1", "GBP")
    assert sandbox.control("GET", "/ledger")["duplicates"] == {}


def test_a_voided_document_is_no_duplicate(sandbox: Driver) -> None:
    who = sandbox.connected()
    made = create(sandbox, who, bill("EXP-1"), bill("EXP-1"), bill("EXP-1"))
    address = f"/ledger?organisation={who.organisation['id']}"
    assert sandbox.control("GET", address)["duplicates"] == {"EXP-1": 3}
    sandbox.control("PATCH", f"/documents/{made[0]['InvoiceID']}", status="VOIDED")
    assert sandbox.control("GET", address)["duplicates"] == {"EXP-1": 2}


def test_documents_of_the_past_are_found_by_the_api_as_if_keyed_in(sandbox: Driver) -> None:
    who = sandbox.connected()
    loaded = load(
        sandbox,
        past(who.organisation, "OLD-1", contact="A Forgotten Supplier"),
        past(who.organisation, "OLD-2", kind="bank_transaction", status="AUTHORISED"),
    )
    assert [one["number"] for one in loaded] == ["OLD-1", "OLD-2"]
    _, body = send(sandbox, who, "GET", "/Invoices/OLD-1")
    found = body["Invoices"][0]
    assert (found["InvoiceID"], found["Total"], found["AmountDue"]) == (loaded[0]["id"], 41.3, 0)
    assert found["Contact"]["Name"] == "A Forgotten Supplier"
    _, body = send(sandbox, who, "GET", "/Invoices", createdByMyApp="true")
    assert body["Invoices"] == []


def test_a_bill_of_the_past_may_be_our_apps_and_paid_on_a_later_day(sandbox: Driver) -> None:
    who = sandbox.connected()
    load(sandbox, past(who.organisation, "OLD-3", client_id=CLIENT[0], paid_on="2025-12-01"))
    query = {"createdByMyApp": "true", "Statuses": "PAID"}
    _, body = send(sandbox, who, "GET", "/Invoices", **query)
    [found] = body["Invoices"]
    assert (found["InvoiceNumber"], found["DateString"]) == ("OLD-3", "2025-11-03T00:00:00")
    assert found["FullyPaidOnDate"] == "/Date(1764547200000+0000)/"


def test_calls_are_counted_by_status_and_by_path(sandbox: Driver) -> None:
    who = sandbox.connected()
    [made] = create(sandbox, who, bill())
    send(sandbox, who, "GET", f"/Invoices/{made['InvoiceID']}")
    send(sandbox, who, "PUT", "/Invoices", {"Invoices": []})
    counted = sandbox.control("GET", f"/calls?organisation={who.organisation['id']}")
    assert (counted["total"], counted["by_status"]) == (3, {"200": 2, "400": 1})
    assert counted["by_path"] == {"PUT /api.xro/2.0/Invoices": 2, "GET /api.xro/2.0/Invoices/{id}": 1}


def test_calls_are_counted_by_their_idempotency_key(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("DELETE", "/calls")
    for key in ("once", "twice", "twice", ""):
        headers = who.headers | ({"Idempotency-Key": key} if key else {})
        sandbox.http.put("/api.xro/2.0/Invoices", json=bill(), headers=headers)
    counted = sandbox.http.get("/sandbox/calls/keys", params={"path": "/api.xro/2.0/Invoices"})
    assert counted.json() == {"once": 1, "twice": 2}


def test_refreshes_are_counted_apart_and_the_log_can_be_cleared(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("DELETE", "/calls")
    assert sandbox.refresh(who.token["refresh_token"]).status_code == 200
    counted = sandbox.control("GET", "/calls")
    assert (counted["total"], counted["refreshes"]) == (1, 1)
    sandbox.control("DELETE", "/calls")
    assert sandbox.control("GET", "/calls")["total"] == 0


def test_documents_outlive_a_restart_of_a_sandbox_with_a_file(tmp_path: Path) -> None:
    listed = []
    for number in ("BEFORE", "AFTER"):
        with serve(data=str(tmp_path / "world.db")) as base_url, httpx.Client(base_url=base_url) as http:
            sandbox = Driver(base_url, http)
            create(sandbox, sandbox.connected(), bill(number))
            documents = sandbox.control("GET", "/ledger")["documents"]
            listed.append([document["number"] for document in documents])
    assert listed == [["BEFORE"], ["BEFORE", "AFTER"]]
