"""Every way a call is refused, each with the status and body that Xero gives it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.driver import Connected, Driver

ORGANISATION = "/api.xro/2.0/Organisation"
DISCONNECTED = {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}


def get(sandbox: Driver, who: Connected, path: str = ORGANISATION, **headers: str) -> httpx.Response:
    return sandbox.http.get(path, headers=who.headers | headers)


def problem(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert body["Type"] is None
    assert uuid.UUID(body["Instance"])
    return {name: body[name] for name in ("Title", "Status", "Detail")}


def test_a_connected_organisation_answers(sandbox: Driver) -> None:
    who = sandbox.connected()
    found = sandbox.sdk(who.token).accounting.get_organisations(who.organisation["id"])
    assert found.organisations[0].organisation_id == who.organisation["id"]


def test_an_access_token_past_its_half_hour_is_expired_at_a_us_date(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", "/clock", advance_seconds=1800)
    answer = get(sandbox, who)
    assert answer.status_code == 401
    assert re.fullmatch(
        r"TokenExpired: token expired at \d\d/\d\d/\d{4} \d\d:\d\d:\d\d", answer.json()["Detail"]
    )
    assert answer.headers["www-authenticate"] == "Bearer error=invalid_token"
    assert sandbox.http.get("/connections", headers=who.headers).json()["Detail"].startswith("TokenExpired")


@pytest.mark.parametrize("authorization", ["Bearer garbage", "Basic abc", ""])
def test_an_unknown_token_is_unauthorized(sandbox: Driver, authorization: str) -> None:
    answer = get(sandbox, sandbox.connected(), Authorization=authorization)
    assert answer.status_code == 401
    assert problem(answer) == {
        "Title": "Unauthorized",
        "Status": 401,
        "Detail": "AuthenticationUnsuccessful",
    }


def test_a_missing_scope_closes_that_endpoint_only(sandbox: Driver) -> None:
    who = sandbox.connected(scopes=["accounting.contacts.read"])
    answer = get(sandbox, who)
    assert problem(answer) == {"Title": "Unauthorized", "Status": 401, "Detail": "AuthorizationUnsuccessful"}
    assert answer.headers["www-authenticate"] == "Bearer error=insufficent_scope"
    assert get(sandbox, who, "/api.xro/2.0/Contacts").status_code == 200


def test_a_scope_taken_away_closes_the_endpoint_for_tokens_already_issued_and_for_new_ones(
    sandbox: Driver,
) -> None:
    who = sandbox.connected()
    sandbox.control("POST", f"/users/{who.user['id']}/scopes/remove", scope="accounting.settings.read")
    assert get(sandbox, who).json()["Detail"] == "AuthorizationUnsuccessful"
    renewed = sandbox.refresh(who.token["refresh_token"]).json()
    assert "accounting.settings.read" not in renewed["scope"].split()


@pytest.mark.parametrize("tenant_id", ["", "b7c0f0de-0000-4000-8000-00000000000a", "not-an-id"])
def test_a_tenant_that_is_not_connected_is_forbidden(sandbox: Driver, tenant_id: str) -> None:
    answer = get(sandbox, sandbox.connected(), **{"xero-tenant-id": tenant_id})
    assert answer.status_code == 403
    assert problem(answer) == DISCONNECTED


def test_a_disconnected_organisation_is_forbidden_while_the_login_stays_good(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", "/disconnect", organisation=who.organisation["id"])
    assert problem(get(sandbox, who)) == DISCONNECTED
    assert sandbox.http.get("/connections", headers=who.headers).json() == []
    assert sandbox.refresh(who.token["refresh_token"]).status_code == 200


def test_disconnecting_one_user_leaves_the_others_connected(sandbox: Driver) -> None:
    who = sandbox.connected()
    other = sandbox.user({who.organisation["id"]: "Standard"})
    token = sandbox.grant(other, who.organisation)["token"]
    sandbox.control("POST", "/disconnect", organisation=who.organisation["id"], user=other["id"])
    assert get(sandbox, who).status_code == 200
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    assert problem(get(sandbox, who, **headers)) == DISCONNECTED


@pytest.mark.parametrize("role", ["ReadOnly", "InvoiceOnly", None])
def test_a_lost_role_looks_like_a_disconnect_and_comes_back_with_the_role(
    sandbox: Driver, role: str | None
) -> None:
    who = sandbox.connected()
    roles = f"/users/{who.user['id']}/roles"
    sandbox.control("PUT", roles, organisation=who.organisation["id"], role=role)
    assert problem(get(sandbox, who)) == DISCONNECTED
    assert sandbox.http.get("/connections", headers=who.headers).json() == []
    sandbox.control("PUT", roles, organisation=who.organisation["id"], role="Standard")
    assert get(sandbox, who).status_code == 200


def test_an_expired_login_fails_in_both_places_and_a_new_consent_mends_it(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", f"/users/{who.user['id']}/expire")
    assert get(sandbox, who).json()["Detail"].startswith("TokenExpired")
    refused = sandbox.refresh(who.token["refresh_token"])
    assert (refused.status_code, refused.text) == (400, '{"error":"invalid_grant"}')
    code = sandbox.consent(who.user, who.organisation)["code"]
    headers = {"Authorization": f"Bearer {sandbox.exchange(code).json()['access_token']}"}
    assert get(sandbox, who, **headers).status_code == 200


def test_a_record_that_does_not_exist_is_answered_in_plain_text(sandbox: Driver) -> None:
    answer = get(sandbox, sandbox.connected(), f"/api.xro/2.0/Invoices/{uuid.uuid4()}")
    assert answer.status_code == 404
    assert answer.text == "The resource you're looking for cannot be found"


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("maintenance", "The Xero API is currently offline for maintenance"),
        ("unavailable", "The Xero API is temporarily unavailable"),
    ],
)
def test_an_outage_closes_the_api_and_leaves_the_identity_server_up(
    sandbox: Driver, mode: str, text: str
) -> None:
    who = sandbox.connected()
    sandbox.control("PUT", "/maintenance", mode=mode)
    answers = [get(sandbox, who), get(sandbox, who, "/connections")]
    refreshed = sandbox.refresh(who.token["refresh_token"])
    sandbox.control("PUT", "/maintenance", mode="none")
    assert [(answer.status_code, answer.text) for answer in answers] == [(503, text)] * 2
    assert refreshed.status_code == 200
    assert get(sandbox, who).status_code == 200


def test_one_organisation_can_be_offline_while_its_connection_stays_listed(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("PATCH", f"/organisations/{who.organisation['id']}", status="offline")
    answer = get(sandbox, who)
    assert (answer.status_code, answer.text) == (503, "The Organisation is offline")
    assert sandbox.http.get("/connections", headers=who.headers).json() == [who.connection]
    assert get(sandbox, sandbox.connected()).status_code == 200


@pytest.mark.parametrize("path", [ORGANISATION, "/connections", "/connect/token", "/nowhere"])
def test_every_answer_carries_a_correlation_id_of_its_own(sandbox: Driver, path: str) -> None:
    ids = {sandbox.http.get(path).headers["xero-correlation-id"] for _ in range(2)}
    assert len({uuid.UUID(one) for one in ids}) == 2
