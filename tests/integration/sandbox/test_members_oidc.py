"""Members sign in to Relink through the second issuer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet

from services.sandbox.world import World
from tests.integration.sandbox.driver import open_client, serve

CALLBACK = "http://localhost:8501/oauth2callback"
CLIENT = ("RELINK-MEMBERS", "sandbox-members-secret")
MARA = "mara.lindqvist@relink.example"


@pytest.fixture(scope="module")
def members() -> Iterator[httpx.Client]:
    with serve(world=World.DEMO) as base_url, open_client(f"{base_url}/members") as http:
        yield http


def asked(**parameters: str) -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": CLIENT[0],
        "redirect_uri": CALLBACK,
        "scope": "openid profile email",
        "state": "s-1",
        "nonce": "n-1",
        **parameters,
    }


def sign_in(members: httpx.Client, email: str = MARA, **parameters: str) -> dict[str, str]:
    back = members.post("/authorize", params=asked(**parameters), data={"email": email})
    assert back.headers["location"].startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(back.headers["location"]).query))


def exchange(members: httpx.Client, code: str, **form: str) -> httpx.Response:
    wanted = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return members.post("/token", data=wanted | form, auth=CLIENT)


def read(members: httpx.Client, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(members.get("/jwks").json())
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def test_the_page_has_one_button_for_each_member(members: httpx.Client) -> None:
    page = members.get("/authorize", params=asked()).text
    for label in (
        "Mara Lindqvist, support agent",
        "Tom Baker, workspace admin",
        "Priya Nair, manager",
        "Olu Adeyemi, owner",
    ):
        assert label in page
    assert page.count("<button") == 5


def test_a_member_comes_back_as_themselves(members: httpx.Client) -> None:
    back = sign_in(members)
    assert back["state"] == "s-1"
    token = exchange(members, back["code"]).json()
    claims = read(members, token["id_token"])
    assert (claims["iss"], claims["aud"]) == (str(members.base_url).rstrip("/"), CLIENT[0])
    assert (claims["sub"], claims["email"], claims["nonce"]) == (MARA, MARA, "n-1")
    assert (claims["name"], claims["given_name"], claims["email_verified"]) == (
        "Mara Lindqvist",
        "Mara",
        True,
    )


def test_userinfo_knows_the_bearer_and_nobody_else(members: httpx.Client) -> None:
    token = exchange(members, sign_in(members)["code"]).json()
    answer = members.get("/userinfo", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert answer.json()["name"] == "Mara Lindqvist"
    for wrong in (token["id_token"], "garbage"):
        assert members.get("/userinfo", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401


def test_discovery_describes_this_issuer(members: httpx.Client) -> None:
    found = members.get("/.well-known/openid-configuration").json()
    assert found["issuer"] == str(members.base_url).rstrip("/")
    endpoints = ("authorization_endpoint", "token_endpoint", "jwks_uri", "end_session_endpoint")
    assert all(found[name].startswith(found["issuer"]) for name in endpoints)


def test_a_challenged_code_needs_its_verifier_and_works_once(members: httpx.Client) -> None:
    verifier = secrets.token_urlsafe(48)
    challenge = create_s256_code_challenge(verifier)
    code = sign_in(members, code_challenge=challenge, code_challenge_method="S256")["code"]
    assert exchange(members, code).status_code == 400
    assert exchange(members, code, code_verifier=verifier).status_code == 200
    assert exchange(members, code, code_verifier=verifier).json() == {"error": "invalid_grant"}


def test_a_wrong_client_gets_no_token_and_the_two_issuers_do_not_mix(members: httpx.Client) -> None:
    code = sign_in(members)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    wrong = members.post("/token", data=form, auth=(CLIENT[0], "wrong"))
    assert wrong.json() == {"error": "invalid_client"}
    xero = str(members.base_url.copy_with(path="/connect/token"))
    other = members.post(xero, data=form, auth=("RELINKSANDBOXCLIENT", "sandbox-client-secret"))
    assert other.json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "X"},
        {"redirect_uri": "https://elsewhere.example/cb"},
        {"redirect_uri": "javascript:alert(1)//localhost"},
    ],
)
def test_a_strange_app_or_address_ends_on_the_error_page(
    members: httpx.Client, changed: dict[str, str]
) -> None:
    for answer in (
        members.get("/authorize", params=asked(**changed)),
        members.post("/authorize", params=asked(**changed), data={"email": MARA}),
    ):
        assert answer.status_code == 400
        assert "unauthorized_client" in answer.text


def test_signing_out_goes_back_to_a_local_address_only(members: httpx.Client) -> None:
    query = {"post_logout_redirect_uri": "http://localhost:8501/", "state": "x"}
    assert members.get("/endsession", params=query).headers["location"] == "http://localhost:8501/?state=x"
    elsewhere = members.get("/endsession", params={"post_logout_redirect_uri": "https://evil.example/"})
    assert "You are signed out" in elsewhere.text
