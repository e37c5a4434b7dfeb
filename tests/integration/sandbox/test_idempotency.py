"""`Idempotency-Key`: one bill however often a call is repeated, for six minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.driver import Connected, Driver, serve
from tests.integration.sandbox.papers import bill, line


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Driver]:
    """A sandbox of its own, because these tests move its clock."""
    with serve() as base_url, httpx.Client(base_url=base_url) as http:
        yield Driver(base_url, http)


def put(
    sandbox: Driver, who: Connected, key: str, payload: dict[str, Any], method: str = "PUT"
) -> httpx.Response:
    headers = who.headers | {"Idempotency-Key": key}
    return sandbox.http.request(method, "/api.xro/2.0/Invoices", json=payload, headers=headers)


def count(sandbox: Driver, who: Connected) -> int:
    listed = sandbox.control("GET", f"/ledger?organisation={who.organisation['id']}")
    assert isinstance(listed["count"], int)
    return listed["count"]


def test_a_repeated_call_gets_the_first_answer_and_makes_no_second_bill(sandbox: Driver) -> None:
    who = sandbox.connected()
    first, second = (put(sandbox, who, "key-1", bill()) for _ in range(2))
    assert (second.status_code, second.content) == (200, first.content)
    assert count(sandbox, who) == 1


def test_a_refusal_is_remembered_too(sandbox: Driver) -> None:
    who = sandbox.connected()
    bad = bill(LineItems=[line(AccountCode="498")])
    assert put(sandbox, who, "key-2", bad).status_code == 400
    sandbox.control("POST", f"/organisations/{who.organisation['id']}/accounts/498", status="ACTIVE")
    assert put(sandbox, who, "key-2", bad).status_code == 400
    assert put(sandbox, who, "key-2-new", bad).status_code == 200


@pytest.mark.parametrize("changed", ["body", "method"])
def test_a_key_used_for_another_request_is_refused(sandbox: Driver, changed: str) -> None:
    who = sandbox.connected()
    put(sandbox, who, f"key-3-{changed}", bill())
    payload = bill("OTHER") if changed == "body" else bill()
    answer = put(sandbox, who, f"key-3-{changed}", payload, "POST" if changed == "method" else "PUT")
    assert answer.status_code == 400
    assert answer.json()["Message"] == f"Idempotency Key: key-3-{changed} is used with a different request."
    assert count(sandbox, who) == 1


def test_a_key_is_forgotten_six_minutes_after_its_first_call(sandbox: Driver) -> None:
    who = sandbox.connected()
    put(sandbox, who, "key-4", bill())
    sandbox.control("POST", "/clock", advance_seconds=5 * 60)
    put(sandbox, who, "key-4", bill())
    assert count(sandbox, who) == 1
    sandbox.control("POST", "/clock", advance_seconds=61)
    put(sandbox, who, "key-4", bill())
    assert count(sandbox, who) == 2


def test_a_key_belongs_to_the_app_whatever_the_organisation(sandbox: Driver) -> None:
    who, other = sandbox.connected(), sandbox.connected()
    first = put(sandbox, who, "key-5", bill())
    assert put(sandbox, other, "key-5", bill()).content == first.content
    assert count(sandbox, other) == 0


def test_a_key_longer_than_128_characters_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    assert put(sandbox, who, "k" * 129, bill()).status_code == 400
    assert count(sandbox, who) == 0


def test_reading_ignores_the_key(sandbox: Driver) -> None:
    who = sandbox.connected()
    headers = who.headers | {"Idempotency-Key": "key-6"}
    for expected in (0, 1):
        answer = sandbox.http.get("/api.xro/2.0/Invoices", headers=headers)
        assert len(answer.json()["Invoices"]) == expected
        put(sandbox, who, f"key-6-{expected}", bill())
