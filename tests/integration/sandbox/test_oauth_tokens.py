"""The token endpoint: codes, rotation, lifetimes, and errors byte for byte."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.integration.sandbox.driver import CLIENT, Driver

MINUTE = 60
DAY = 24 * 60 * MINUTE
INVALID_GRANT = b'{"error":"invalid_grant"}'


def consented(sandbox: Driver, **parameters: Any) -> tuple[dict[str, Any], dict[str, Any], str]:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "Adviser"})
    return organisation, user, sandbox.consent(user, organisation, **parameters)["code"]


def claims(sandbox: Driver, token: str) -> dict[str, Any]:
    keys = sandbox.http.get("/.well-known/openid-configuration/jwks").json()
    read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=["RS256"])
    assert read.header["typ"] == "JWT"
    return read.claims


def advance(sandbox: Driver, seconds: int) -> None:
    sandbox.control("POST", "/clock", advance_seconds=seconds)


def test_discovery_names_endpoints_that_answer(sandbox: Driver) -> None:
    found = sandbox.http.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == sandbox.base_url
    assert found["authorization_endpoint"] == f"{sandbox.base_url}/identity/connect/authorize"
    assert sandbox.http.post(found["token_endpoint"]).status_code == 400
    assert sandbox.http.post(found["revocation_endpoint"]).status_code == 400
    assert sandbox.http.get(found["jwks_uri"]).json()["keys"][0]["kty"] == "RSA"


def test_a_code_becomes_a_full_token_response(sandbox: Driver) -> None:
    _, _, code = consented(sandbox)
    answer = sandbox.exchange(code)
    body = answer.json()
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert body["expires_in"] == 1800
    assert body["token_type"] == "Bearer"
    assert "offline_access" in body["scope"].split()
    assert body.keys() == {"id_token", "access_token", "expires_in", "token_type", "refresh_token", "scope"}


def test_the_access_token_names_user_app_and_authentication_event(sandbox: Driver) -> None:
    _, user, code = consented(sandbox)
    token = sandbox.exchange(code).json()
    read = claims(sandbox, token["access_token"])
    connection = sandbox.grant(user)["connections"][0]
    assert read["iss"] == sandbox.base_url
    assert read["aud"] == "https://identity.xero.com/resources"
    assert read["xero_userid"] == user["id"]
    assert read["client_id"] == CLIENT[0]
    assert read["exp"] - read["nbf"] == 1800
    assert read["authentication_event_id"] == connection["authEventId"]


def test_the_id_token_names_the_person_and_not_the_authentication_event(sandbox: Driver) -> None:
    _, user, code = consented(sandbox, nonce="n-1")
    token = sandbox.exchange(code).json()
    read = claims(sandbox, token["id_token"])
    assert (read["aud"], read["nonce"]) == (CLIENT[0], "n-1")
    assert (read["email"], read["given_name"], read["family_name"]) == (user["email"], "Ada", "Moss")
    assert read["xero_userid"] == user["id"]
    assert read["exp"] - read["nbf"] == 300
    assert "authentication_event_id" not in read


def test_tokens_are_dated_by_the_real_clock_even_when_the_sandbox_is_ahead(sandbox: Driver) -> None:
    advance(sandbox, DAY)
    _, _, code = consented(sandbox)
    read = claims(sandbox, sandbox.exchange(code).json()["id_token"])
    assert abs(read["nbf"] - time.time()) < MINUTE


def test_without_offline_access_there_is_no_refresh_token(sandbox: Driver) -> None:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "Adviser"})
    code = sandbox.consent(user, organisation, scopes=["accounting.contacts"])["code"]
    assert sandbox.exchange(code).json().keys() == {"access_token", "expires_in", "token_type", "scope"}


def test_a_code_works_once(sandbox: Driver) -> None:
    _, _, code = consented(sandbox)
    assert sandbox.exchange(code).status_code == 200
    again = sandbox.exchange(code)
    assert (again.status_code, again.content) == (400, INVALID_GRANT)


def test_a_code_dies_after_five_minutes(sandbox: Driver) -> None:
    _, _, code = consented(sandbox)
    advance(sandbox, 5 * MINUTE)
    assert sandbox.exchange(code).content == INVALID_GRANT


def test_a_code_is_bound_to_its_redirect_uri(sandbox: Driver) -> None:
    _, _, code = consented(sandbox)
    assert sandbox.exchange(code, redirect_uri="http://localhost/other").content == INVALID_GRANT
    assert sandbox.exchange(code).status_code == 200


def test_a_challenged_code_needs_its_verifier(sandbox: Driver) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = create_s256_code_challenge(verifier)
    _, _, code = consented(sandbox, code_challenge=challenge, code_challenge_method="S256")
    assert sandbox.exchange(code).content == INVALID_GRANT
    assert sandbox.exchange(code, code_verifier=verifier[::-1]).content == INVALID_GRANT
    assert sandbox.exchange(code, code_verifier=verifier).status_code == 200


def test_an_app_without_a_secret_proves_itself_by_its_challenge(sandbox: Driver) -> None:
    redirect_uri = "http://localhost:8501/connect/xero/callback"
    sandbox.control("PUT", "/apps/NATIVE", client_secret="", name="Native", redirect_uris=[redirect_uri])
    verifier = secrets.token_urlsafe(48)
    challenge = create_s256_code_challenge(verifier)
    asked = {"code_challenge": challenge, "code_challenge_method": "S256"}
    _, _, code = consented(sandbox, client_id="NATIVE", **asked)
    form = {
        "grant_type": "authorization_code",
        "client_id": "NATIVE",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    assert sandbox.http.post("/connect/token", data=form).status_code == 200


def test_refreshing_rotates_the_refresh_token(sandbox: Driver) -> None:
    first = sandbox.connected().token
    second = sandbox.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert sandbox.refresh(second["refresh_token"]).status_code == 200


def test_a_used_refresh_token_works_for_thirty_minutes_more_and_then_never_again(sandbox: Driver) -> None:
    first = sandbox.connected().token["refresh_token"]
    assert sandbox.refresh(first).status_code == 200
    advance(sandbox, 29 * MINUTE)
    retried = sandbox.refresh(first)
    assert retried.status_code == 200
    advance(sandbox, MINUTE)
    late = sandbox.refresh(first)
    assert (late.status_code, late.content) == (400, INVALID_GRANT)
    assert sandbox.refresh(retried.json()["refresh_token"]).status_code == 200


def test_a_refresh_token_dies_after_sixty_idle_days_and_using_it_slides_the_window(sandbox: Driver) -> None:
    idle, kept = sandbox.connected().token["refresh_token"], sandbox.connected().token["refresh_token"]
    advance(sandbox, 59 * DAY)
    kept = sandbox.refresh(kept).json()["refresh_token"]
    advance(sandbox, DAY)
    assert sandbox.refresh(idle).content == INVALID_GRANT
    assert sandbox.refresh(kept).status_code == 200


def test_a_second_consent_renews_the_same_login_and_adds_up(sandbox: Driver) -> None:
    before = sandbox.connected(scopes=["offline_access", "accounting.contacts"])
    second = sandbox.organisation()
    sandbox.control("PUT", f"/users/{before.user['id']}/roles", organisation=second["id"], role="Standard")
    scopes = ["offline_access", "accounting.invoices"]
    code = sandbox.consent(before.user, second, scopes=scopes)["code"]
    token = sandbox.exchange(code).json()
    assert set(token["scope"].split()) == {"offline_access", "accounting.contacts", "accounting.invoices"}
    listed = sandbox.http.get(
        "/connections", headers={"Authorization": f"Bearer {token['access_token']}"}
    ).json()
    assert [one["tenantId"] for one in listed] == [before.organisation["id"], second["id"]]
    assert sandbox.refresh(before.token["refresh_token"]).status_code == 200
    advance(sandbox, 30 * MINUTE)
    assert sandbox.refresh(before.token["refresh_token"]).content == INVALID_GRANT


@pytest.mark.parametrize(
    ("form", "client", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "x"}, CLIENT, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, CLIENT, "invalid_grant"),
        ({"grant_type": "refresh_token"}, (CLIENT[0], "wrong"), "invalid_client"),
        ({"grant_type": "refresh_token"}, ("nobody", CLIENT[1]), "invalid_client"),
        ({"grant_type": "password"}, CLIENT, "unsupported_grant_type"),
        ({}, CLIENT, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "scope": "accounting.everything"}, CLIENT, "invalid_scope"),
    ],
)
def test_errors_hold_the_error_and_nothing_else(
    sandbox: Driver, form: dict[str, str], client: tuple[str, str], error: str
) -> None:
    answer = sandbox.http.post("/connect/token", data=form, auth=client)
    assert (answer.status_code, answer.text) == (400, f'{{"error":"{error}"}}')


def test_a_client_may_authenticate_in_the_body(sandbox: Driver) -> None:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": sandbox.connected().token["refresh_token"],
        "client_id": CLIENT[0],
        "client_secret": CLIENT[1],
    }
    assert sandbox.http.post("/connect/token", data=form).status_code == 200


def test_a_disabled_app_gets_unauthorized_client_and_a_foreign_token_stays_foreign(sandbox: Driver) -> None:
    token = sandbox.connected().token["refresh_token"]
    setting = {"client_secret": "s", "name": "Third", "redirect_uris": []}
    sandbox.control("PUT", "/apps/THIRD", **setting)
    form = {"grant_type": "refresh_token", "refresh_token": token}
    assert sandbox.http.post("/connect/token", data=form, auth=("THIRD", "s")).content == INVALID_GRANT
    sandbox.control("PUT", "/apps/THIRD", **setting, enabled=False)
    answer = sandbox.http.post("/connect/token", data=form, auth=("THIRD", "s"))
    assert answer.content == b'{"error":"unauthorized_client"}'
    assert sandbox.refresh(token).status_code == 200


def test_revocation_ends_tokens_and_every_connection_of_that_user(sandbox: Driver) -> None:
    connected = sandbox.connected()
    other = sandbox.user({connected.organisation["id"]: "Standard"})
    kept = sandbox.grant(other, connected.organisation)["token"]
    form = {"token": connected.token["refresh_token"]}
    answer = sandbox.http.post("/connect/revocation", data=form, auth=CLIENT)
    assert (answer.status_code, answer.content) == (200, b"")
    assert sandbox.refresh(connected.token["refresh_token"]).content == INVALID_GRANT
    assert sandbox.http.get("/connections", headers=connected.headers).status_code == 401
    assert sandbox.grant(connected.user)["connections"] == []
    assert sandbox.refresh(kept["refresh_token"]).status_code == 200


def test_revoking_an_unknown_token_is_fine_and_a_wrong_client_is_not(sandbox: Driver) -> None:
    assert sandbox.http.post("/connect/revocation", data={"token": "x"}, auth=CLIENT).status_code == 200
    answer = sandbox.http.post("/connect/revocation", data={"token": "x"}, auth=("x", "y"))
    assert answer.content == b'{"error":"invalid_client"}'
