"""One call to Xero: authenticated, sent once, classified."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from services.xero.api import Api
from services.xero.errors import Fault, XeroError
from services.xero.pace import AppPace, Limits, MustWait
from tests.unit.xero.scripted import ORGANISATION, Script

EXPIRED = {"Detail": "TokenExpired: token expired at 04/29/2020 09:22:02"}


def failure(call: Callable[[], object]) -> XeroError:
    with pytest.raises(XeroError) as caught:
        call()
    return caught.value


def create(api: Api, **changes: Any) -> object:
    return api.request(
        "PUT", "/api.xro/2.0/Invoices", organisation_id=ORGANISATION, json={"Invoices": []}, **changes
    )


def read(api: Api) -> object:
    return api.request("GET", "/api.xro/2.0/Accounts", organisation_id=ORGANISATION)


def test_a_call_carries_what_xero_asks_for(xero: Script) -> None:
    xero.reply({"Invoices": []}, Xero_Correlation_Id="5a8e")
    with xero.api() as api:
        answer = api.request(
            "PUT",
            "/api.xro/2.0/Invoices",
            organisation_id=ORGANISATION,
            params={"unitdp": 4},
            json={"Invoices": []},
            idempotency_key="key-1",
        )
    [asked] = xero.asked
    assert (asked.method, asked.path, asked.query) == ("PUT", "/api.xro/2.0/Invoices", {"unitdp": "4"})
    assert asked.headers["authorization"] == "Bearer a-token"
    assert asked.headers["xero-tenant-id"] == ORGANISATION
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == "key-1"
    assert (answer.status, answer.data, answer.correlation_id) == (200, {"Invoices": []}, "5a8e")


def test_a_tenantless_call_names_no_organisation(xero: Script) -> None:
    xero.reply([])
    with xero.api() as api:
        api.request("GET", "/connections")
    assert "xero-tenant-id" not in xero.asked[0].headers


def test_money_arrives_to_the_penny(xero: Script) -> None:
    xero.reply(b'{"Total": 1234567890123.47, "Count": 3}')
    with xero.api() as api:
        assert api.request("GET", "/connections").data == {"Total": Decimal("1234567890123.47"), "Count": 3}


def test_an_expired_token_is_replaced_once_and_the_call_repeated_word_for_word(xero: Script) -> None:
    xero.reply(EXPIRED, 401)
    xero.reply({"Invoices": []})
    with xero.api() as api:
        create(api, idempotency_key="key-1")
    first, second = xero.asked
    assert (first.headers.pop("authorization"), second.headers.pop("authorization")) == (
        "Bearer a-token",
        "Bearer newer-token",
    )
    assert first == second


def test_a_token_that_stays_expired_ends_the_call(xero: Script) -> None:
    xero.reply(EXPIRED, 401)
    xero.reply(EXPIRED, 401)
    with xero.api() as api:
        assert failure(lambda: create(api)).fault is Fault.TOKEN_EXPIRED
    assert len(xero.asked) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_no_other_failure_is_repeated(xero: Script, status: int) -> None:
    xero.reply(b"", status, Retry_After="1")
    with xero.api() as api:
        failure(lambda: create(api))
    assert len(xero.asked) == 1


def test_a_create_whose_answer_is_lost_is_in_doubt_and_not_repeated(xero: Script) -> None:
    xero.drop()
    with xero.api() as api:
        error = failure(lambda: create(api))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, True)
    assert len(xero.asked) == 1


def test_an_answer_that_never_comes_is_not_waited_for(xero: Script) -> None:
    xero.stall()
    app = xero.app(api_timeout_seconds=0.2)
    with Api(app, token=lambda _: "a-token", pace=AppPace()) as api:
        error = failure(lambda: api.request("DELETE", "/connections/1"))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, True)


def test_an_unreadable_success_of_a_create_is_in_doubt(xero: Script) -> None:
    xero.reply(b"<Response/>", Xero_Correlation_Id="5a8e")
    with xero.api() as api:
        error = failure(lambda: create(api))
    assert (error.fault, error.may_have_been_done) == (Fault.MALFORMED, True)
    assert error.correlation_id == "5a8e"


def test_nothing_about_a_read_is_ever_in_doubt(xero: Script) -> None:
    xero.drop()
    xero.reply(b"", 500)
    xero.reply(b"{")
    with xero.api() as api:
        assert [failure(lambda: read(api)).may_have_been_done for _ in range(3)] == [False, False, False]


def test_a_create_that_never_left_is_not_in_doubt(xero: Script) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with Api(xero.app(api_url=nowhere), token=lambda _: "a-token", pace=AppPace()) as api:
        error = failure(lambda: api.request("DELETE", "/connections/1"))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, False)


def test_every_call_counts_against_the_limits_repeats_and_failures_too(xero: Script) -> None:
    xero.reply(EXPIRED, 401)
    xero.drop()
    with xero.api(limits=Limits(minute=2)) as api:
        failure(lambda: create(api))
        with pytest.raises(MustWait):
            create(api)
    assert len(xero.asked) == 2


def test_what_xero_says_is_left_is_believed(xero: Script) -> None:
    xero.reply({}, X_MinLimit_Remaining="0")
    with xero.api(limits=Limits()) as api:
        read(api)
        with pytest.raises(MustWait):
            read(api)


def test_an_organisation_is_not_called_without_its_pace(xero: Script) -> None:
    with (
        Api(xero.app(), token=lambda _: "a-token", pace=AppPace()) as api,
        pytest.raises(ValueError, match="pace"),
    ):
        read(api)
    assert xero.asked == []


def test_a_token_that_cannot_be_had_sends_nothing(xero: Script) -> None:
    def no_token(_: str | None) -> str:
        raise XeroError(fault=Fault.LOGIN_EXPIRED, detail="The login with Xero has expired.")

    with Api(xero.app(), token=no_token, pace=AppPace()) as api:
        assert failure(lambda: api.request("GET", "/connections")).fault is Fault.LOGIN_EXPIRED
    assert xero.asked == []


def test_no_token_shows_in_a_log_or_an_error(xero: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    xero.reply(EXPIRED, 401)
    xero.drop()
    with xero.api() as api:
        error = failure(lambda: create(api))
    assert "-token" not in f"{error!r} {error.__cause__!r} {caplog.text}"
