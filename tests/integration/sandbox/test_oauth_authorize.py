"""The browser's part: who may ask, who may allow, and what the app gets back."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.integration.sandbox.driver import Driver, authorization_request, open_client


def open_consent(sandbox: Driver, email: str, **parameters: str) -> str:
    with open_client(sandbox.base_url, follow_redirects=True) as browser:
        query = authorization_request(**parameters)
        return browser.post("/identity/login", params=query, data={"email": email, "password": "x"}).text


def test_allowing_access_sends_the_browser_back_with_a_code_and_the_state(sandbox: Driver) -> None:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "Adviser"})
    back = sandbox.consent(user, organisation, state="s p&c")
    assert back.pop("code")
    assert back == {"state": "s p&c", "scope": authorization_request()["scope"]}


def test_cancelling_sends_the_browser_back_with_access_denied_and_connects_nothing(sandbox: Driver) -> None:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "Adviser"})
    assert sandbox.consent(user, None) == {
        "error": "access_denied",
        "error_description": "TenantConsent status DENIED",
        "state": "state-1",
    }
    assert sandbox.grant(user)["connections"] == []


@pytest.mark.parametrize(
    ("changed", "explanation"),
    [
        ({"client_id": "SOMEBODYELSE"}, "Unknown client or client not enabled"),
        ({"redirect_uri": "http://localhost:8501/connect/xero/callback/"}, "Invalid redirect_uri"),
        ({"scope": "openid accounting.everything"}, "Invalid scope for client"),
        ({"scope": ""}, "Invalid scope for client"),
        ({"response_type": "token"}, "The response type must be code"),
        ({"code_challenge": "abc", "code_challenge_method": "plain"}, "must be S256"),
    ],
)
def test_a_bad_request_ends_on_an_error_page_and_nobody_is_redirected(
    sandbox: Driver, changed: dict[str, str], explanation: str
) -> None:
    answer = sandbox.http.get("/identity/connect/authorize", params=authorization_request() | changed)
    assert answer.status_code == 400
    assert explanation in answer.text


def test_an_app_that_is_not_enabled_or_lacks_the_scope_ends_on_the_error_page(sandbox: Driver) -> None:
    setting = {"client_secret": "s", "name": "Other", "redirect_uris": ["http://localhost:1/cb"]}
    asked = {"client_id": "OTHER", "redirect_uri": "http://localhost:1/cb", "scope": "openid email"}
    sandbox.control("PUT", "/apps/OTHER", **setting, scopes=["openid"])
    answer = sandbox.http.get("/identity/connect/authorize", params=authorization_request() | asked)
    assert "invalid_scope" in answer.text
    sandbox.control("PUT", "/apps/OTHER", **setting, enabled=False)
    answer = sandbox.http.get("/identity/connect/authorize", params=authorization_request() | asked)
    assert "unauthorized_client" in answer.text


def test_somebody_who_is_not_logged_in_is_asked_to_and_comes_back_to_the_same_request(
    sandbox: Driver,
) -> None:
    query = authorization_request(state="kept")
    answer = sandbox.http.get("/identity/connect/authorize", params=query)
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    assert target.path == "/identity/login"
    assert dict(parse_qsl(target.query)) == query


def test_a_browser_that_is_logged_in_goes_straight_to_consent_and_may_change_its_login(
    sandbox: Driver,
) -> None:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "Adviser"})
    query = authorization_request()
    with open_client(sandbox.base_url) as browser:
        browser.post("/identity/login", params=query, data={"email": user["email"]})
        page = browser.get("/identity/connect/authorize", params=query).text
    assert f"Logged in as Ada Moss, {user['email']}" in page
    target = html.unescape(re.findall(r'<a href="([^"]+)">Use another login', page)[0])
    assert "Log in to Xero" in sandbox.http.get(target).text


def test_the_login_page_takes_a_hint_and_says_which_address_it_does_not_know(sandbox: Driver) -> None:
    query = authorization_request(login_hint="ada@example.com")
    assert 'value="ada@example.com"' in sandbox.http.get("/identity/login", params=query).text
    answer = sandbox.http.post("/identity/login", params=query, data={"email": "no<b>@example.com"})
    assert answer.status_code == 422
    assert "no&lt;b&gt;@example.com" in answer.text
    assert "set-cookie" not in answer.headers


def test_the_consent_page_offers_only_organisations_the_user_may_connect(sandbox: Driver) -> None:
    roles = ("Adviser", "Standard", "ReadOnly", "InvoiceOnly")
    made = {role: sandbox.organisation() for role in roles}
    user = sandbox.user({made[role]["id"]: role for role in roles})
    page = open_consent(sandbox, user["email"].upper())
    offered = {role for role in roles if made[role]["name"] in page}
    assert offered == {"Adviser", "Standard"}
    assert "View and change: bills and invoices" in page


def test_an_organisation_already_connected_says_so_and_can_be_chosen_again(sandbox: Driver) -> None:
    connected = sandbox.connected()
    page = open_consent(sandbox, connected.user["email"])
    assert page.count("already connected") == 1
    assert sandbox.consent(connected.user, connected.organisation)["code"]


def test_a_user_without_a_connecting_role_is_told_what_it_takes(sandbox: Driver) -> None:
    organisation = sandbox.organisation()
    user = sandbox.user({organisation["id"]: "ReadOnly"})
    page = open_consent(sandbox, user["email"])
    assert "It takes the role Standard or Adviser" in page
    assert "Allow access" not in page


def test_an_organisation_that_was_not_offered_cannot_be_allowed(sandbox: Driver) -> None:
    mine, theirs = sandbox.organisation(), sandbox.organisation()
    user = sandbox.user({mine["id"]: "Adviser"})
    query = authorization_request()
    with open_client(sandbox.base_url) as browser:
        browser.post("/identity/login", params=query, data={"email": user["email"]})
        decision = {"decision": "allow", "organisation": theirs["id"]}
        answer = browser.post("/identity/connect/authorize", params=query, data=decision)
    assert answer.headers["location"].startswith(f"{sandbox.base_url}/identity/connect/authorize")


def test_the_pages_refuse_frames_and_load_nothing_from_elsewhere(sandbox: Driver) -> None:
    answer = sandbox.http.get("/identity/login", params=authorization_request())
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', answer.text)
    assert all(address.startswith((sandbox.base_url, "data:")) for address in addresses)
