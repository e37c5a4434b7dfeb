"""Consent, refresh and revocation against a Xero that behaves like Xero."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from services.xero import oauth
from services.xero.api import Api
from services.xero.connections import delete_connection, list_connections
from services.xero.errors import Fault, XeroError
from services.xero.oauth import TokenSet
from services.xero.pace import AppPace
from tests.integration.sandbox.driver import Driver
from tests.integration.xero.desk import app_of

VERIFIER = "v" * 64


def fault_of(call: Callable[[], object]) -> Fault:
    with pytest.raises(XeroError) as caught:
        call()
    return caught.value.fault


def consent(sandbox: Driver, user: dict[str, str], organisation: dict[str, str]) -> str:
    """Send a browser where the product sends it; return the code that comes back."""
    app = app_of(sandbox)
    url = oauth.authorization_url(app, state="state-1", code_verifier=VERIFIER)
    query = dict(parse_qsl(urlsplit(url).query))
    back = sandbox.consent(user, organisation, scopes=query.pop("scope").split(), **query)
    assert back["state"] == "state-1"
    return back["code"]


@pytest.fixture
def organisation(sandbox: Driver) -> dict[str, str]:
    return sandbox.organisation()


@pytest.fixture
def user(sandbox: Driver, organisation: dict[str, str]) -> dict[str, str]:
    return sandbox.user({organisation["id"]: "Adviser"}, given_name="Nina", family_name="Okafor")


@pytest.fixture
def tokens(sandbox: Driver, user: dict[str, str], organisation: dict[str, str]) -> TokenSet:
    code = consent(sandbox, user, organisation)
    return oauth.exchange(app_of(sandbox), code=code, code_verifier=VERIFIER)


def test_a_consent_says_who_gave_it_for_which_organisation(
    sandbox: Driver, user: dict[str, str], organisation: dict[str, str], tokens: TokenSet
) -> None:
    assert (tokens.xero_user_id, tokens.email, tokens.full_name) == (user["id"], user["email"], "Nina Okafor")
    assert "accounting.settings.read" in tokens.scopes
    with Api(app_of(sandbox), token=lambda _: tokens.access_token, pace=AppPace()) as api:
        [chosen] = list_connections(api, tokens.authentication_event_id)
    assert (chosen.organisation_id, chosen.organisation_name) == (organisation["id"], organisation["name"])


def test_a_code_serves_once(sandbox: Driver, user: dict[str, str], organisation: dict[str, str]) -> None:
    code = consent(sandbox, user, organisation)
    oauth.exchange(app_of(sandbox), code=code, code_verifier=VERIFIER)
    again = fault_of(lambda: oauth.exchange(app_of(sandbox), code=code, code_verifier=VERIFIER))
    assert again is Fault.LOGIN_EXPIRED


def test_a_code_is_worth_nothing_without_its_verifier(
    sandbox: Driver, user: dict[str, str], organisation: dict[str, str]
) -> None:
    code = consent(sandbox, user, organisation)
    stolen = fault_of(lambda: oauth.exchange(app_of(sandbox), code=code, code_verifier="x" * 64))
    assert stolen is Fault.LOGIN_EXPIRED


def test_a_lost_refresh_can_be_repeated(sandbox: Driver, tokens: TokenSet) -> None:
    app = app_of(sandbox)
    sandbox.control("POST", "/faults", path="/connect/token", reset="after")
    with pytest.raises(XeroError) as caught:
        oauth.refresh(app, tokens.refresh_token)
    assert caught.value.may_have_been_done
    again = oauth.refresh(app, tokens.refresh_token)
    assert again.xero_user_id == tokens.xero_user_id
    with Api(app, token=lambda _: again.access_token, pace=AppPace()) as api:
        assert len(list_connections(api)) == 1


def test_an_expired_login_needs_a_person(sandbox: Driver, user: dict[str, str], tokens: TokenSet) -> None:
    sandbox.control("POST", f"/users/{user['id']}/expire")
    assert fault_of(lambda: oauth.refresh(app_of(sandbox), tokens.refresh_token)) is Fault.LOGIN_EXPIRED


def test_revoking_ends_the_login(sandbox: Driver, tokens: TokenSet) -> None:
    oauth.revoke(app_of(sandbox), tokens.refresh_token)
    assert fault_of(lambda: oauth.refresh(app_of(sandbox), tokens.refresh_token)) is Fault.LOGIN_EXPIRED


def test_a_wrong_secret_is_the_app_s_fault(sandbox: Driver, tokens: TokenSet) -> None:
    app = app_of(sandbox, client_secret="wrong")
    assert fault_of(lambda: oauth.refresh(app, tokens.refresh_token)) is Fault.APP_MISCONFIGURED
    assert fault_of(lambda: oauth.revoke(app, tokens.refresh_token)) is Fault.APP_MISCONFIGURED


def test_one_organisation_is_disconnected_and_the_others_stay(sandbox: Driver) -> None:
    organisations = [sandbox.organisation(), sandbox.organisation()]
    user = sandbox.user({each["id"]: "Adviser" for each in organisations})
    token = sandbox.grant(user, *organisations)["token"]["access_token"]
    with Api(app_of(sandbox), token=lambda _: str(token), pace=AppPace()) as api:
        gone = next(each for each in list_connections(api) if each.organisation_id == organisations[0]["id"])
        delete_connection(api, gone.id)
        assert [each.organisation_id for each in list_connections(api)] == [organisations[1]["id"]]
        assert fault_of(lambda: delete_connection(api, gone.id)) is Fault.NOT_FOUND
