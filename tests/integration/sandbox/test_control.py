"""The control API: arranging organisations, people, apps and the clock."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

import pytest

from tests.integration.sandbox.driver import CLIENT, Driver, authorization_request


def refused(sandbox: Driver, method: str, path: str, body: object) -> tuple[int, Any]:
    answer = sandbox.http.request(method, f"/sandbox{path}", json=body)
    return answer.status_code, answer.json()["detail"]


def in_world(sandbox: Driver, kind: str, id_: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = sandbox.control("GET", "/world")[kind]
    return next(one for one in listed if one["id"] == id_)


def test_the_sandbox_says_that_it_is_up(sandbox: Driver) -> None:
    assert sandbox.http.get("/sandbox/health").json() == {"status": "ok"}


def test_the_documentation_page_loads_nothing_from_elsewhere(sandbox: Driver) -> None:
    page = sandbox.http.get("/sandbox/docs").text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert loaded
    for address in loaded:
        assert address.startswith("/sandbox/")
        assert sandbox.http.get(address).status_code == 200
    assert "/grants" in sandbox.http.get("/sandbox/openapi.json").json()["paths"]


def test_a_new_organisation_comes_with_a_full_set_of_books(sandbox: Driver) -> None:
    id_ = str(uuid.uuid4())
    made = sandbox.organisation(id=id_, name="Kauri Tours", country="NZ", currency="NZD", plan="PREMIUM")
    assert made == {
        "id": id_,
        "name": "Kauri Tours",
        "short_code": made["short_code"],
        "country": "NZ",
        "currency": "NZD",
        "currencies": ["NZD"],
        "plan": "PREMIUM",
        "status": "active",
        "period_lock_date": None,
        "end_of_year_lock_date": None,
    }
    assert re.fullmatch(r"![A-Za-z0-9]{5}", made["short_code"])
    listed = in_world(sandbox, "organisations", id_)
    accounts = {account["code"]: account for account in listed["accounts"]}
    assert accounts["429"]["status"] == "ACTIVE"
    assert accounts["498"]["status"] == "ARCHIVED"
    assert accounts["091"]["type"] == "BANK"
    assert len(listed["contacts"]) == 12


def test_an_id_is_taken_only_once(sandbox: Driver) -> None:
    made = sandbox.organisation()
    status, detail = refused(sandbox, "POST", "/organisations", {"id": made["id"], "name": "Again"})
    assert (status, detail) == (409, f"There is already an organisation with the id {made['id']}")


def test_an_organisation_is_changed_in_the_named_fields_only(sandbox: Driver) -> None:
    made = sandbox.organisation()
    path = f"/organisations/{made['id']}"
    changed = sandbox.control("PATCH", path, period_lock_date="2026-09-30", currencies=["GBP", "EUR"])
    assert changed == made | {"period_lock_date": "2026-09-30", "currencies": ["GBP", "EUR"]}
    assert sandbox.control("PATCH", path, period_lock_date=None) == made | {"currencies": ["GBP", "EUR"]}


def test_an_account_can_be_archived(sandbox: Driver) -> None:
    made = sandbox.organisation()
    sandbox.control("POST", f"/organisations/{made['id']}/accounts/493", status="ARCHIVED")
    accounts = in_world(sandbox, "organisations", made["id"])["accounts"]
    assert next(one["status"] for one in accounts if one["code"] == "493") == "ARCHIVED"
    status, _ = refused(sandbox, "POST", f"/organisations/{made['id']}/accounts/999", {"status": "ACTIVE"})
    assert status == 404


def test_a_tax_rate_or_tracking_that_is_not_there_cannot_be_changed(sandbox: Driver) -> None:
    books = f"/organisations/{sandbox.organisation()['id']}"
    archived = {"status": "ARCHIVED"}
    for path, body in (
        ("tax-rates/GALACTIC", archived),
        ("tracking/Planet", archived),
        ("tracking/Region", archived | {"option": "Moon"}),
    ):
        assert refused(sandbox, "POST", f"{books}/{path}", body)[0] == 404


def test_a_user_is_listed_with_their_roles_and_an_address_is_taken_only_once(sandbox: Driver) -> None:
    made = sandbox.organisation()
    user = sandbox.user({made["id"]: "Adviser"}, email=f"Ada.{made['id']}@Example.com")
    assert user["email"] == f"ada.{made['id']}@example.com"
    assert in_world(sandbox, "users", user["id"]) == user
    again = {"email": user["email"].upper(), "given_name": "Ada", "family_name": "Two"}
    assert refused(sandbox, "POST", "/users", again)[0] == 409


def test_a_role_changes_and_goes(sandbox: Driver) -> None:
    made = sandbox.organisation()
    user = sandbox.user({made["id"]: "Adviser"})
    path = f"/users/{user['id']}/roles"
    changed = sandbox.control("PUT", path, organisation=made["id"], role="ReadOnly")
    assert changed["roles"] == {made["id"]: "ReadOnly"}
    assert sandbox.control("PUT", path, organisation=made["id"], role=None)["roles"] == {}


def test_a_consent_of_the_past_gives_tokens_as_a_browser_would(sandbox: Driver) -> None:
    made = sandbox.organisation()
    user = sandbox.user({made["id"]: "Standard"})
    granted = sandbox.grant(user, made, scopes=["openid", "offline_access", "accounting.contacts"])
    assert granted["token"].keys() == {
        "access_token",
        "refresh_token",
        "id_token",
        "expires_in",
        "token_type",
        "scope",
    }
    assert [one["tenantId"] for one in granted["connections"]] == [made["id"]]
    assert sandbox.refresh(granted["token"]["refresh_token"]).status_code == 200


def test_a_consent_that_nobody_could_have_given_is_refused_with_the_reason(sandbox: Driver) -> None:
    made = sandbox.organisation(name="Quay Ltd")
    user = sandbox.user({made["id"]: "ReadOnly"})
    body = {"user": user["id"], "organisations": [made["id"]]}
    expected = f"{user['email']} is neither Standard nor Adviser in Quay Ltd"
    assert refused(sandbox, "POST", "/grants", body) == (422, expected)
    wrong = {"user": user["id"], "organisations": [], "scopes": ["x", "openid"]}
    assert refused(sandbox, "POST", "/grants", wrong) == (422, "Unknown scopes: x")


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("PATCH", "/organisations/{id}", {}, "organisation"),
        ("PUT", "/users/{id}/roles", {"organisation": "x", "role": None}, "user"),
        ("POST", "/users/{id}/expire", None, "user"),
        ("POST", "/users/{id}/revoke", None, "user"),
        ("POST", "/users/{id}/scopes/remove", {"scope": "email"}, "user"),
        ("POST", "/disconnect", {"organisation": "{id}"}, "organisation"),
        ("POST", "/grants", {"user": "{id}", "organisations": []}, "user"),
    ],
)
def test_an_unknown_id_is_named(
    sandbox: Driver, method: str, path: str, body: dict[str, Any] | None, kind: str
) -> None:
    id_ = str(uuid.uuid4())
    filled = body and {name: id_ if value == "{id}" else value for name, value in body.items()}
    expected = f"There is no {kind} with the id {id_}"
    assert refused(sandbox, method, path.format(id=id_), filled) == (404, expected)


def test_revoking_a_user_ends_every_consent_of_theirs(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", f"/users/{who.user['id']}/revoke")
    assert sandbox.refresh(who.token["refresh_token"]).json() == {"error": "invalid_grant"}
    assert sandbox.http.get("/connections", headers=who.headers).status_code == 401
    assert sandbox.grant(who.user)["connections"] == []


def test_an_app_is_registered_without_telling_its_secret_again(sandbox: Driver) -> None:
    setting = {"client_secret": "hush-hush", "name": "Fourth", "redirect_uris": ["http://localhost:1/cb"]}
    answer = sandbox.http.put("/sandbox/apps/FOURTH", json=setting)
    assert answer.is_success
    assert "hush-hush" not in answer.text
    query = authorization_request(client_id="FOURTH", redirect_uri="http://localhost:1/cb")
    assert "to continue to Fourth" in sandbox.http.get("/identity/login", params=query).text
    token = {"grant_type": "refresh_token", "refresh_token": "x"}
    assert sandbox.http.post("/connect/token", data=token, auth=("FOURTH", "hush-hush")).json() == {
        "error": "invalid_grant"
    }


def test_the_clock_moves_forward_and_tells_how_far(sandbox: Driver) -> None:
    before = sandbox.control("GET", "/clock")
    after = sandbox.control("POST", "/clock", advance_seconds=90)
    assert after["offset_seconds"] == before["offset_seconds"] + 90
    moved = datetime.fromisoformat(after["now"]) - datetime.fromisoformat(before["now"])
    assert moved.total_seconds() >= 90


def test_calls_are_counted_with_the_refreshes_among_them(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("DELETE", "/calls")
    sandbox.http.get("/api.xro/2.0/Organisation", headers=who.headers)
    sandbox.http.get("/connections", headers={"Authorization": who.headers["Authorization"]})
    sandbox.refresh(who.token["refresh_token"])
    sandbox.http.post("/connect/token", data={"grant_type": "authorization_code"}, auth=CLIENT)
    seen = sandbox.control("GET", "/calls")
    assert (seen["total"], seen["refreshes"]) == (4, 1)
    assert seen["by_status"] == {"200": 3, "400": 1}
    assert sandbox.control("GET", f"/calls?organisation={who.organisation['id']}")["total"] == 1
