"""Xero's four limits, as its headers and its 429 tell them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from xero_python.exceptions import RateLimitException

from tests.integration.sandbox.driver import Connected, Driver, serve


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with serve() as base_url:
        yield base_url


@pytest.fixture
def sandbox(server: str) -> Iterator[Driver]:
    """A sandbox of its own, because its limits and its clock are moved."""
    with httpx.Client(base_url=server) as http:
        yield Driver(server, http)


def limit(sandbox: Driver, **setting: Any) -> None:
    """Set limits whose windows are too long to end during a test."""
    long = {"mode": "real", "window_seconds": 10**7, "day_seconds": 10**9}
    sandbox.control("PUT", "/limits", **(long | setting))


def call(sandbox: Driver, who: Connected) -> httpx.Response:
    return sandbox.http.get("/api.xro/2.0/Organisation", headers=who.headers)


def remaining(answer: httpx.Response) -> tuple[str | None, str | None, str | None]:
    headers = answer.headers
    return (
        headers.get("X-MinLimit-Remaining"),
        headers.get("X-DayLimit-Remaining"),
        headers.get("X-AppMinLimit-Remaining"),
    )


def test_every_answer_tells_what_remains_of_the_three_windows(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox)
    assert [remaining(call(sandbox, who)) for _ in range(2)] == [
        ("59", "4999", "9999"),
        ("58", "4998", "9998"),
    ]


@pytest.mark.parametrize(
    ("setting", "problem"),
    [({"per_minute": 2}, "minute"), ({"per_day": 2}, "day"), ({"app_per_minute": 2}, "appminute")],
)
def test_past_a_limit_the_answer_is_an_empty_429_that_names_it(
    sandbox: Driver, setting: dict[str, int], problem: str
) -> None:
    who = sandbox.connected()
    limit(sandbox, **setting)
    assert [call(sandbox, who).status_code for _ in range(2)] == [200, 200]
    refused = call(sandbox, who)
    assert (refused.status_code, refused.content, refused.headers["content-length"]) == (429, b"", "0")
    assert refused.headers["X-Rate-Limit-Problem"] == problem
    assert int(refused.headers["Retry-After"]) > 0
    assert "0" in remaining(refused)


def test_a_refused_call_does_not_count(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox, per_minute=1, per_day=10)
    days_left = [call(sandbox, who).headers["X-DayLimit-Remaining"] for _ in range(3)]
    assert days_left == ["9", "9", "9"]


def test_after_retry_after_seconds_the_next_call_passes(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox, per_minute=1, window_seconds=60)
    statuses = [call(sandbox, who).status_code]
    refused = call(sandbox, who)
    sandbox.control("POST", "/clock", advance_seconds=int(refused.headers["Retry-After"]))
    statuses += [refused.status_code, call(sandbox, who).status_code]
    assert statuses == [200, 429, 200]


def test_organisations_have_windows_of_their_own(sandbox: Driver) -> None:
    who, other = sandbox.connected(), sandbox.connected()
    limit(sandbox, per_minute=1)
    call(sandbox, who)
    assert (call(sandbox, who).status_code, call(sandbox, other).status_code) == (429, 200)


def test_windows_of_different_organisations_end_at_different_times(sandbox: Driver) -> None:
    limit(sandbox, per_minute=0, window_seconds=100_000)
    waits = {call(sandbox, sandbox.connected()).headers["Retry-After"] for _ in range(4)}
    assert len(waits) == 4


def test_one_call_too_many_at_once_is_refused_as_concurrent(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox, concurrent=1)
    sandbox.http.post("/sandbox/faults", json={"path": "/Accounts", "delay_seconds": 2})
    statuses: list[int] = []

    def slow_call() -> None:
        answer = httpx.get(f"{sandbox.base_url}/api.xro/2.0/Accounts", headers=who.headers, timeout=30)
        statuses.append(answer.status_code)

    slow = threading.Thread(target=slow_call)
    slow.start()
    while sandbox.control("GET", "/faults"):
        pass  # the slow call has not arrived yet
    refused = call(sandbox, who)
    slow.join()
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "concurrent")
    assert "Retry-After" not in refused.headers
    assert statuses == [200]
    assert call(sandbox, who).status_code == 200


def test_connections_count_for_the_app_alone(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox)
    answer = sandbox.http.get("/connections", headers=who.headers)
    assert remaining(answer) == (None, None, "9999")


def test_switched_off_nothing_is_refused_and_plenty_remains(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox, mode="off", per_minute=0)
    answer = call(sandbox, who)
    assert answer.status_code == 200
    assert all(int(left or 0) >= 1_000_000 for left in remaining(answer))


def test_the_sdk_recognises_the_429(sandbox: Driver) -> None:
    who = sandbox.connected()
    limit(sandbox, per_minute=0)
    _, api = sandbox.sdk(who.token)
    with pytest.raises(RateLimitException) as refused:
        api.get_organisations(who.organisation["id"])
    assert refused.value.rate_limit == "minute"
