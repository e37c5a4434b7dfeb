"""Each answer of Xero's has one meaning, and every part of the product gets it from here."""

from __future__ import annotations

import json
import pickle

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.xero.classify import classify_exception, classify_response, classify_token_response
from services.xero.errors import Fault, XeroError


def problem(detail: str, status: int = 401) -> bytes:
    title = "Unauthorized" if status == 401 else "Forbidden"
    return json.dumps(
        {
            "Type": None,
            "Title": title,
            "Status": status,
            "Detail": detail,
            "Instance": "3f6e",
            "Extensions": {},
        }
    ).encode()


EXPIRED = problem("TokenExpired: token expired at 04/29/2020 09:22:02")
VALIDATION = json.dumps(
    {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": [{"ValidationErrors": [{"Message": "Account code '999' is not a valid code."}]}],
    }
).encode()
MAINTENANCE = b"The Xero API is currently offline for maintenance"

NO_SCOPE = {"WWW-Authenticate": "Bearer error=insufficient_scope"}

API_ANSWERS = [
    ("access token over 30 minutes", 401, {}, EXPIRED, Fault.TOKEN_EXPIRED),
    ("the same in the old lower case", 401, {}, EXPIRED.replace(b"Detail", b"detail"), Fault.TOKEN_EXPIRED),
    ("unknown token", 401, {}, problem("AuthenticationUnsuccessful"), Fault.BAD_TOKEN),
    ("401 that says nothing", 401, {}, b"", Fault.BAD_TOKEN),
    ("scope never granted", 401, {}, problem("AuthorizationUnsuccessful"), Fault.SCOPE_MISSING),
    ("scope, by header", 401, NO_SCOPE, b"", Fault.SCOPE_MISSING),
    ("scope, as Xero misspells it", 401, {"WWW-Authenticate": 'error="insufficent_scope"'}, b"",
        Fault.SCOPE_MISSING),
    ("scope, as RFC 6750 has it", 403, NO_SCOPE, b"", Fault.SCOPE_MISSING),
    ("disconnected in Xero", 403, {}, problem("AuthenticationUnsuccessful", 403), Fault.NOT_CONNECTED),
    ("403 that says nothing", 403, {}, b"", Fault.NOT_CONNECTED),
    ("no such record", 404, {}, b"The resource you're looking for cannot be found", Fault.NOT_FOUND),
    ("validation", 400, {}, VALIDATION, Fault.INVALID),
    ("bad precondition", 412, {}, b"", Fault.INVALID),
    ("too large", 413, {}, b"", Fault.INVALID),
    ("not implemented", 501, {}, b"", Fault.INVALID),
    ("limit", 429, {"X-Rate-Limit-Problem": "minute"}, b"", Fault.THROTTLED),
    ("maintenance", 503, {}, MAINTENANCE, Fault.UNAVAILABLE),
    ("unavailable", 503, {}, b"The Xero API is temporarily unavailable", Fault.UNAVAILABLE),
    ("one organisation", 503, {}, b"The Organisation is offline", Fault.ORGANISATION_OFFLINE),
    ("request timed out", 408, {}, b"", Fault.UNAVAILABLE),
    ("broken", 500, {}, b"<html>", Fault.UNAVAILABLE),
    ("bad gateway", 502, {}, b"", Fault.UNAVAILABLE),
    ("gateway timeout", 504, {}, b"", Fault.UNAVAILABLE),
    ("redirect", 302, {"Location": "/elsewhere"}, b"", Fault.MALFORMED),
]  # fmt: skip

TOKEN_ANSWERS = [
    ("token expired, rotated, revoked", 400, b'{"error":"invalid_grant"}', Fault.LOGIN_EXPIRED),
    ("a description changes nothing", 400, b'{"error":"invalid_grant","error_description":"x"}',
        Fault.LOGIN_EXPIRED),
    ("wrong id or secret", 400, b'{"error":"invalid_client"}', Fault.APP_MISCONFIGURED),
    ("wrong id or secret, RFC 6749 status", 401, b'{"error":"invalid_client"}', Fault.APP_MISCONFIGURED),
    ("401 that says nothing", 401, b"", Fault.APP_MISCONFIGURED),
    ("grant type not allowed", 400, b'{"error":"unauthorized_client"}', Fault.APP_MISCONFIGURED),
    ("scope not assigned", 400, b'{"error":"invalid_scope"}', Fault.APP_MISCONFIGURED),
    ("grant type missing", 400, b'{"error":"unsupported_grant_type"}', Fault.APP_MISCONFIGURED),
    ("a request that is not understood", 400, b'{"error":"invalid_request"}', Fault.APP_MISCONFIGURED),
    ("a gateway's 400 expires nobody", 400, b"<html>Bad Request</html>", Fault.UNAVAILABLE),
    ("an error nobody knows expires nobody", 400, b'{"error":["invalid_grant"]}', Fault.UNAVAILABLE),
    ("throttled", 429, b"", Fault.THROTTLED),
    ("broken", 500, b'{"error":"invalid_grant"}', Fault.UNAVAILABLE),
    ("maintenance", 503, MAINTENANCE, Fault.UNAVAILABLE),
    ("no token", 200, b"{}", Fault.MALFORMED),
    ("not JSON", 200, b"<html>Welcome</html>", Fault.MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "fault"), [row[1:] for row in API_ANSWERS],
                         ids=[row[0] for row in API_ANSWERS])  # fmt: skip
def test_an_api_answer_has_one_meaning(
    status: int, headers: dict[str, str], body: bytes, fault: Fault
) -> None:
    error = classify_response(status, headers, body)
    assert error is not None
    assert (error.fault, error.status) == (fault, status)


@pytest.mark.parametrize(("status", "body", "fault"), [row[1:] for row in TOKEN_ANSWERS],
                         ids=[row[0] for row in TOKEN_ANSWERS])  # fmt: skip
def test_a_token_answer_has_one_meaning(status: int, body: bytes, fault: Fault) -> None:
    error = classify_token_response(status, {}, body)
    assert error is not None
    assert error.fault is fault


def test_success_is_no_error() -> None:
    assert classify_response(200, {}, b"[]") is None
    assert classify_response(204, {}, b"") is None
    assert classify_token_response(200, {}, b'{"access_token":"a"}') is None


@pytest.mark.parametrize("status", [301, 500, 502, 504, 520])
def test_an_outcome_is_in_doubt_when_xero_broke_while_working(status: int) -> None:
    error = classify_response(status, {}, b"")
    assert error is not None
    assert error.may_have_been_done


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 412, 429, 501, 503])
def test_a_refusal_did_no_work(status: int) -> None:
    error = classify_response(status, {}, b"")
    assert error is not None
    assert not error.may_have_been_done


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("minute", "minute"),
        ("Day", "day"),
        ("Daily", "day"),
        ("concurrent", "concurrent"),
        ("appminute", "appminute"),
        ("app-minute", "appminute"),
        ("", None),
    ],
)
def test_a_429_says_which_limit_and_how_long(name: str, limit: str | None) -> None:
    headers = {
        "x-rate-limit-problem": name,
        "retry-after": "22",
        "xero-correlation-id": "5a8e",
        "x-minlimit-remaining": "0",
    }
    error = classify_response(429, headers, b"")
    assert error is not None
    assert (error.limit, error.retry_after_seconds, error.correlation_id) == (limit, 22.0, "5a8e")


@pytest.mark.parametrize("value", ["-1", "soon", "inf", "nan", "1e9", "", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_waiting_time_that_is_no_number_of_seconds_is_not_obeyed(value: str) -> None:
    error = classify_response(429, {"Retry-After": value}, b"")
    assert error is not None
    assert error.retry_after_seconds is None


def test_a_validation_error_says_what_xero_objects_to_once() -> None:
    body = json.loads(VALIDATION)
    body["Elements"] *= 2
    error = classify_response(400, {}, json.dumps(body).encode())
    assert error is not None
    assert error.detail == "A validation exception occurred; Account code '999' is not a valid code."


@pytest.mark.parametrize(
    ("kind", "fault", "in_doubt"),
    [
        ("ConnectError", Fault.UNAVAILABLE, False),
        ("ConnectTimeout", Fault.UNAVAILABLE, False),
        ("PoolTimeout", Fault.UNAVAILABLE, False),
        ("ProxyError", Fault.UNAVAILABLE, False),
        ("UnsupportedProtocol", Fault.UNAVAILABLE, False),
        ("ReadTimeout", Fault.UNAVAILABLE, True),
        ("WriteTimeout", Fault.UNAVAILABLE, True),
        ("ReadError", Fault.UNAVAILABLE, True),
        ("WriteError", Fault.UNAVAILABLE, True),
        ("RemoteProtocolError", Fault.UNAVAILABLE, True),
        ("DecodingError", Fault.MALFORMED, True),
    ],
)
@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_call_without_answer_is_in_doubt_once_it_was_sent(
    library: object, kind: str, fault: Fault, in_doubt: bool
) -> None:
    error = classify_exception(getattr(library, kind)("told by nobody"))
    assert (error.fault, error.may_have_been_done, error.status) == (fault, in_doubt, None)


@given(st.integers(100, 599), st.binary(max_size=40), st.dictionaries(st.text(max_size=9), st.none()))
def test_no_answer_can_break_the_classifier(status: int, body: bytes, members: dict[str, None]) -> None:
    for each in (body, json.dumps(members).encode(), json.dumps([members]).encode()):
        for error in (classify_response(status, {}, each), classify_token_response(status, {}, each)):
            assert error is None or error.detail


@pytest.mark.parametrize("elements", [3, [3], [{"ValidationErrors": None}], [{"ValidationErrors": [{}, 3]}]])
def test_a_400_of_an_unknown_shape_is_still_a_refusal(elements: object) -> None:
    error = classify_response(400, {}, json.dumps({"Message": "No", "Elements": elements}).encode())
    assert error is not None
    assert (error.fault, error.detail) == (Fault.INVALID, "No")


def test_an_error_survives_being_stored_by_a_worker() -> None:
    error = XeroError(
        fault=Fault.THROTTLED, detail="Later.", status=429, limit="day", retry_after_seconds=3.0
    )
    error.add_note("seen by lane 7")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (again.fault, again.limit, again.retry_after_seconds) == (Fault.THROTTLED, "day", 3.0)
    assert str(again) == "throttled: Later."
