"""Consent, exchange, refresh and revocation, as Xero's token endpoint sees them."""

from __future__ import annotations

import base64
import hashlib
import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from services.xero import oauth
from services.xero.errors import Fault, XeroError
from tests.unit.xero.scripted import Script, signed_token

VERIFIER = "v" * 64
BASIC = "Basic " + base64.b64encode(b"our-client:our-secret").decode()


def tokens(**changes: Any) -> dict[str, Any]:
    access = signed_token(xero_userid="user-1", authentication_event_id="event-1", scope=["openid"])
    person = signed_token(email="nina@example.com", given_name="Nina", family_name="Okafor")
    known = {
        "access_token": access,
        "refresh_token": "the-refresh-token",
        "id_token": person,
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": "email offline_access accounting.invoices",
    }
    return {name: value for name, value in (known | changes).items() if value is not None}


def failure(call: Callable[[], object]) -> XeroError:
    with pytest.raises(XeroError) as caught:
        call()
    return caught.value


def test_the_browser_is_sent_to_xero_with_a_challenge_and_without_the_verifier(xero: Script) -> None:
    url = oauth.authorization_url(
        xero.app(), state="state-1", code_verifier=VERIFIER, login_hint="a@b.example"
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    assert query == {
        "response_type": "code",
        "client_id": "our-client",
        "redirect_uri": "http://localhost:8501/connect/xero/callback",
        "scope": "openid offline_access accounting.invoices",
        "state": "state-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": "a@b.example",
    }


def test_a_code_becomes_tokens_and_says_who_consented(xero: Script) -> None:
    xero.reply(tokens())
    before = datetime.now(UTC)
    found = oauth.exchange(xero.app(), code="code-1", code_verifier=VERIFIER)
    assert (found.xero_user_id, found.authentication_event_id) == ("user-1", "event-1")
    assert (found.email, found.full_name) == ("nina@example.com", "Nina Okafor")
    assert found.scopes == {"email", "offline_access", "accounting.invoices"}
    assert before + timedelta(minutes=30) <= found.expires_at <= datetime.now(UTC) + timedelta(minutes=30)
    [asked] = xero.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("POST", "/connect/token", BASIC)
    assert asked.form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": "http://localhost:8501/connect/xero/callback",
        "code_verifier": VERIFIER,
    }


def test_a_refresh_sends_the_old_token_once_and_returns_the_new_one(xero: Script) -> None:
    xero.reply(tokens(refresh_token="the-next-one"))
    assert oauth.refresh(xero.app(), "the-old-one").refresh_token == "the-next-one"
    [asked] = xero.asked
    assert asked.headers["authorization"] == BASIC
    assert asked.form == {"grant_type": "refresh_token", "refresh_token": "the-old-one"}


def test_a_refresh_may_come_without_an_identity(xero: Script) -> None:
    xero.reply(tokens(id_token=None, scope=None))
    found = oauth.refresh(xero.app(), "the-old-one")
    assert (found.email, found.full_name, found.xero_user_id) == (None, None, "user-1")
    assert found.scopes == {"openid"}


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (400, {"error": "invalid_grant"}, Fault.LOGIN_EXPIRED),
        (400, {"error": "invalid_client"}, Fault.APP_MISCONFIGURED),
        (400, {"error": "invalid_scope"}, Fault.APP_MISCONFIGURED),
        (429, b"", Fault.THROTTLED),
        (500, b"oops", Fault.UNAVAILABLE),
        (503, b"", Fault.UNAVAILABLE),
        (200, b"<html>", Fault.MALFORMED),
        (200, [1], Fault.MALFORMED),
        (200, tokens(access_token="not a token"), Fault.MALFORMED),
        (200, tokens(access_token=signed_token(sub="nobody")), Fault.MALFORMED),
        (200, tokens(id_token="a.b"), Fault.MALFORMED),
        (200, tokens(expires_in="soon"), Fault.MALFORMED),
    ],
)
def test_a_failed_refresh_says_why(xero: Script, status: int, body: Any, fault: Fault) -> None:
    xero.reply(body, status, Xero_Correlation_Id="5a8e")
    error = failure(lambda: oauth.refresh(xero.app(), "the-old-one"))
    assert error.fault is fault
    assert len(xero.asked) == 1


def test_a_consent_without_offline_access_names_the_missing_scope(xero: Script) -> None:
    xero.reply(tokens(refresh_token=None))
    error = failure(lambda: oauth.exchange(xero.app(), code="code-1", code_verifier=VERIFIER))
    assert error.fault is Fault.SCOPE_MISSING
    assert "offline_access" in error.detail


def test_a_refresh_whose_answer_is_lost_is_in_doubt_and_not_repeated(xero: Script) -> None:
    xero.drop()
    error = failure(lambda: oauth.refresh(xero.app(), "the-old-one"))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, True)
    assert len(xero.asked) == 1


def test_a_login_service_that_never_answers_is_not_waited_for(xero: Script) -> None:
    xero.stall()
    error = failure(lambda: oauth.refresh(xero.app(login_timeout_seconds=0.2), "the-old-one"))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, True)


def test_a_refresh_that_never_left_is_not_in_doubt(xero: Script) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}/connect/token"
    error = failure(lambda: oauth.refresh(xero.app(token_url=nowhere), "the-old-one"))
    assert (error.fault, error.may_have_been_done) == (Fault.UNAVAILABLE, False)


def test_revoking_sends_the_refresh_token(xero: Script) -> None:
    xero.reply()
    oauth.revoke(xero.app(), "the-old-one")
    [asked] = xero.asked
    assert (asked.path, asked.headers["authorization"]) == ("/connect/revocation", BASIC)
    assert asked.form["token"] == "the-old-one"


def test_a_refused_revocation_is_an_error(xero: Script) -> None:
    xero.reply({"error": "invalid_client"}, 400)
    assert failure(lambda: oauth.revoke(xero.app(), "the-old-one")).fault is Fault.APP_MISCONFIGURED


def test_no_secret_shows_in_a_repr_a_log_or_an_error(xero: Script, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    xero.reply(tokens())
    xero.reply({"error": "invalid_grant", "refresh_token": "the-old-one"}, 400)
    found = oauth.refresh(xero.app(), "the-old-one")
    error = failure(lambda: oauth.refresh(xero.app(), "the-old-one"))
    shown = f"{found!r} {xero.app()!r} {error!r} {error} {caplog.text}"
    for secret in (found.access_token, "the-refresh-token", "the-old-one", "our-secret", BASIC):
        assert secret not in shown
