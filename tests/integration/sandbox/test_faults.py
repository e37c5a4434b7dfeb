"""Faults on demand: bad answers, late answers, dropped connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.driver import Connected, Driver, serve
from tests.integration.sandbox.papers import bill, send


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serve() as base_url:
        yield base_url


@pytest.fixture
def sandbox(server: str) -> Iterator[Driver]:
    """A sandbox of its own, without faults at first."""
    with httpx.Client(base_url=server) as http:
        driver = Driver(server, http)
        driver.control("DELETE", "/faults")
        yield driver


def arm(sandbox: Driver, **fault: Any) -> None:
    answer = sandbox.http.post("/sandbox/faults", json=fault)
    assert answer.is_success, answer.text


def put_bill(sandbox: Driver, who: Connected, number: str = "EXP-1") -> int:
    return send(sandbox, who, "PUT", "/Invoices", bill(number))[0]


def numbers(sandbox: Driver, who: Connected) -> list[str]:
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    return [document["number"] for document in listed["documents"]]


def test_the_next_calls_get_the_status_body_and_headers_and_then_all_is_well(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/Invoices$", times=2, status=503, body="busy", headers={"Retry-After": "7"})
    for _ in range(2):
        answer = sandbox.http.get("/api.xro/2.0/Invoices", headers=who.headers)
        assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "busy", "7")
        assert "xero-correlation-id" in answer.headers
    assert put_bill(sandbox, who) == 200


def test_only_calls_with_the_method_path_and_organisation_are_hit(sandbox: Driver) -> None:
    who, other = sandbox.connected(), sandbox.connected()
    arm(sandbox, method="PUT", path="/invoices", organisation=who.organisation["id"], status=500)
    assert send(sandbox, who, "GET", "/Invoices")[0] == 200
    assert send(sandbox, who, "GET", "/Accounts")[0] == 200
    assert put_bill(sandbox, other) == 200
    answer = sandbox.http.put("/api.xro/2.0/Invoices", json=bill(), headers=who.headers)
    assert answer.status_code == 500
    assert numbers(sandbox, who) == []


def test_a_reset_before_the_work_leaves_no_bill(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/Invoices", reset="before")
    with pytest.raises(httpx.TransportError):
        put_bill(sandbox, who, "LOST")
    assert numbers(sandbox, who) == []


def test_a_reset_after_the_work_leaves_a_bill_that_nobody_was_told_of(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/Invoices", reset="after")
    with pytest.raises(httpx.TransportError):
        put_bill(sandbox, who, "UNHEARD")
    assert numbers(sandbox, who) == ["UNHEARD"]
    calls = sandbox.control("GET", f"/calls?organisation={who.organisation['id']}")
    assert calls["by_status"] == {"0": 1}


def test_a_delayed_call_keeps_the_caller_waiting_and_is_then_answered(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/Accounts", times=2, delay_seconds=0.5)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.get("/api.xro/2.0/Accounts", headers=who.headers, timeout=0.05)
    assert send(sandbox, who, "GET", "/Accounts")[0] == 200


def test_a_spoilt_body_is_the_first_half_of_a_true_answer_to_work_that_was_done(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, method="PUT", spoil="body")
    answer = sandbox.http.put("/api.xro/2.0/Invoices", json=bill("HALF"), headers=who.headers)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert numbers(sandbox, who) == ["HALF"]


def test_a_spoilt_element_is_missing_from_an_answer_although_it_was_created(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, method="PUT", spoil="element")
    batch = {"Invoices": [bill("TOLD"), bill("UNTOLD")]}
    status, answer = send(sandbox, who, "PUT", "/Invoices", batch)
    assert (status, [element["InvoiceNumber"] for element in answer["Invoices"]]) == (200, ["TOLD"])
    assert sorted(numbers(sandbox, who)) == ["TOLD", "UNTOLD"]


def test_a_spoilt_element_leaves_an_answer_without_elements_as_it_is(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, spoil="element")
    answer = sandbox.http.get("/api.xro/2.0/Invoices/no-such-id", headers=who.headers)
    assert (answer.status_code, answer.text) == (404, "The resource you're looking for cannot be found")


def which_are_hit(sandbox: Driver, who: Connected, calls: int, **fault: Any) -> list[int]:
    sandbox.control("DELETE", "/faults")
    arm(sandbox, path="/Accounts", times=calls, status=500, **fault)
    statuses = [
        sandbox.http.get("/api.xro/2.0/Accounts", headers=who.headers).status_code for _ in range(calls)
    ]
    return [call for call, status in enumerate(statuses) if status == 500]


def test_a_share_of_the_calls_is_hit_the_same_ones_for_the_same_seed(sandbox: Driver) -> None:
    who = sandbox.connected()
    hit = which_are_hit(sandbox, who, 100, share=0.2, seed=7)
    assert 10 <= len(hit) <= 30
    assert sandbox.control("GET", "/faults")[0]["times"] == 100 - len(hit)
    assert which_are_hit(sandbox, who, 100, share=0.2, seed=7) == hit
    assert which_are_hit(sandbox, who, 100, share=0.2, seed=8) != hit


def test_the_token_endpoint_can_fail_as_well(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/connect/token", reset="after")
    with pytest.raises(httpx.TransportError):
        sandbox.refresh(who.token["refresh_token"])
    # Xero lets the same token be used again for 30 minutes, for exactly this case.
    assert sandbox.refresh(who.token["refresh_token"]).status_code == 200


def test_armed_faults_are_listed_counted_down_and_cleared(sandbox: Driver) -> None:
    who = sandbox.connected()
    arm(sandbox, path="/Accounts", times=3, status=500)
    sandbox.http.get("/api.xro/2.0/Accounts", headers=who.headers)
    [left] = sandbox.control("GET", "/faults")
    assert (left["path"], left["times"], left["status"]) == ("/Accounts", 2, 500)
    sandbox.control("DELETE", "/faults")
    assert sandbox.control("GET", "/faults") == []
    assert send(sandbox, who, "GET", "/Accounts")[0] == 200


def test_a_path_that_is_no_regular_expression_is_refused(sandbox: Driver) -> None:
    assert sandbox.http.post("/sandbox/faults", json={"path": "("}).status_code == 422
