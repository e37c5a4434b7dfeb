"""What every answer carries on its way out: headers, safe cookies, and the deep link through sign-in."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from dashboard.edge import NEXT_COOKIE, USER_COOKIE, Edge, content_security_policy, is_deep_link

PAGE = {"accept": "text/html"}


async def page(_request: Request) -> Response:
    answer = PlainTextResponse("page")
    answer.set_cookie("some", "cookie")
    return answer


async def signed_in(request: Request) -> Response:
    answer = RedirectResponse("/")
    if "fails" not in request.query_params:
        answer.set_cookie(USER_COOKIE, "signed")
    return answer


def site(*, https: bool = False) -> TestClient:
    """Return a browser on a site behind the edge."""
    app = Starlette(
        routes=[Route("/oauth2callback", signed_in), Route("/{path:path}", page)],
        middleware=[Middleware(Edge, https=https)],
    )
    return TestClient(app, follow_redirects=False)


def test_no_inline_script_but_streamlits_own_may_run() -> None:
    scripts = next(part for part in content_security_policy().split("; ") if part.startswith("script-src"))

    assert "'sha256-" in scripts
    assert "unsafe" not in scripts


def test_every_answer_is_hardened() -> None:
    headers = site().get("/").headers

    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_cookies_are_secure_on_https_and_work_on_a_laptop_without() -> None:
    assert "Secure" in site(https=True).get("/").headers["set-cookie"]
    assert "Secure" not in site().get("/").headers["set-cookie"]


def test_a_deep_link_survives_sign_in() -> None:
    browser = site()
    browser.get("/workspace?id=A0B1&x=%2F", headers=PAGE)

    answer = browser.get("/oauth2callback")

    assert answer.headers["location"] == "/workspace?id=A0B1&x=%2F"
    assert NEXT_COOKIE not in browser.cookies, "it is used once"


def test_a_failed_sign_in_does_not_follow_the_deep_link() -> None:
    browser = site()
    browser.get("/workspace?id=A0B1", headers=PAGE)

    assert browser.get("/oauth2callback?fails").headers["location"] == "/"


def test_somebody_signed_in_leaves_no_deep_link_behind() -> None:
    browser = site()
    browser.cookies.set(USER_COOKIE, "signed")

    assert NEXT_COOKIE not in browser.get("/workspace", headers=PAGE).headers.get("set-cookie", "")


def test_what_is_not_a_page_is_not_a_deep_link() -> None:
    assert NEXT_COOKIE not in site().get("/static/app.js").headers["set-cookie"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/.//evil.example",
        "/workspace?id=\r\nb",
        "/",
        "/sign-out",
        "/healthz",
    ],
)
def test_a_planted_deep_link_leads_nowhere_else(address: str) -> None:
    browser = site()
    browser.cookies.set(NEXT_COOKIE, address.replace("\r", "%0D").replace("\n", "%0A"))

    assert browser.get("/oauth2callback").headers["location"] == "/"
    assert not is_deep_link(address)


def test_what_streamlit_counts_is_for_nobody_outside() -> None:
    assert site().get("/_stcore/metrics").status_code == 404
