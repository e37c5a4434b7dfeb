"""The way to Xero and back over HTTP, and the health probes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from dashboard.edge import USER_COOKIE
from dashboard.routes import BROWSER_COOKIE, ROUTES
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ReconnectState
from tests.integration.web import world
from tests.integration.web.conftest import sign_in


@pytest.fixture
def browser(desk: Desk) -> Iterator[TestClient]:
    """A browser that is not signed in."""
    with TestClient(Starlette(routes=ROUTES), follow_redirects=False) as client:
        yield client


def leave(browser: TestClient) -> str:
    """Leave for Xero and return the state that went along."""
    answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})
    return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


def test_an_admin_is_sent_to_xero_with_a_cookie_of_this_browser(browser: TestClient) -> None:
    sign_in(browser, world.ADMIN)

    answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://login.xero.com/identity/connect/authorize?")
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    assert f"{BROWSER_COOKIE}=" in cookie
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_somebody_signed_out_is_sent_to_the_wizard_which_asks_to_sign_in(browser: TestClient) -> None:
    answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})

    assert answer.headers["location"] == f"/reconnect?workspace={world.BROKEN}"


@pytest.mark.parametrize("workspace", ["//evil.example", "a&b=c", "x\r\nSet-Cookie: a=b"])
def test_a_hostile_workspace_id_cannot_lead_elsewhere(browser: TestClient, workspace: str) -> None:
    answer = browser.get("/connect/xero", params={"workspace": workspace})

    target = urlsplit(answer.headers["location"])
    assert (target.netloc, target.path) == ("", "/reconnect")
    assert parse_qs(target.query) == {"workspace": [workspace]}


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        (world.AGENT, "may not reconnect"),
        (world.MANAGER, "may not reconnect"),
    ],
)
def test_nobody_but_an_admin_leaves_for_xero(browser: TestClient, email: str, sentence: str) -> None:
    sign_in(browser, email)

    answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})

    assert answer.status_code == 400
    assert sentence in answer.text


def test_somebody_unknown_is_sent_to_the_page_that_says_so(browser: TestClient) -> None:
    sign_in(browser, "x@y.example")

    answer = browser.get("/connect/xero", params={"workspace": world.BROKEN})

    assert answer.headers["location"] == f"/reconnect?workspace={world.BROKEN}"


def test_an_old_sign_in_does_not_leave_for_xero(browser: TestClient) -> None:
    sign_in(browser, world.ADMIN, signed_in_seconds_ago=timedelta(days=2).total_seconds())

    assert (
        browser.get("/connect/xero", params={"workspace": world.BROKEN})
        .headers["location"]
        .startswith("/reconnect")
    )


def test_cancel_at_xero_leads_back_to_the_wizard(desk: Desk, browser: TestClient) -> None:
    sign_in(browser, world.ADMIN)
    state = leave(browser)

    answer = browser.get("/connect/xero/callback", params={"state": state, "error": "access_denied"})

    assert answer.headers["location"] == f"/reconnect?workspace={world.BROKEN}"
    with desk.store.read() as session:
        (reconnect,) = session.query(tables.Reconnect).all()
    assert (reconnect.state, reconnect.refusal) == (ReconnectState.REFUSED, "cancelled")


@pytest.mark.parametrize("state", ["", "made-up"])
def test_a_state_nobody_knows_is_refused_in_words(browser: TestClient, state: str) -> None:
    sign_in(browser, world.ADMIN)

    answer = browser.get("/connect/xero/callback", params={"state": state, "code": "abc"})

    assert answer.status_code == 400
    assert "Nothing was changed" in " ".join(answer.text.split())
    assert "abc" not in answer.text


def test_a_used_state_is_refused(browser: TestClient) -> None:
    sign_in(browser, world.ADMIN)
    query = {"state": leave(browser), "error": "access_denied"}
    browser.get("/connect/xero/callback", params=query)

    assert browser.get("/connect/xero/callback", params=query).status_code == 400


def test_another_browser_cannot_finish_a_reconnect(browser: TestClient) -> None:
    sign_in(browser, world.ADMIN)
    state = leave(browser)
    browser.cookies.delete(BROWSER_COOKIE)

    answer = browser.get("/connect/xero/callback", params={"state": state, "code": "abc"})

    assert answer.status_code == 400
    assert "another browser" in answer.text


def test_a_return_after_signing_out_changes_nothing_and_says_so(desk: Desk, browser: TestClient) -> None:
    sign_in(browser, world.ADMIN)
    state = leave(browser)
    browser.cookies.delete(USER_COOKIE)

    answer = browser.get("/connect/xero/callback", params={"state": state, "code": "abc"})

    assert answer.status_code == 401
    assert "signed out" in answer.text
    with desk.store.read() as session:
        (reconnect,) = session.query(tables.Reconnect).all()
    assert reconnect.state is ReconnectState.SENT_TO_XERO


def test_the_process_says_that_it_lives(browser: TestClient) -> None:
    assert browser.get("/healthz").text == "ok"


def test_it_is_ready_only_while_a_worker_lives(desk: Desk, browser: TestClient) -> None:
    without = browser.get("/readyz")
    with desk.store.begin() as session:
        session.add(tables.Worker(id="w", host="here", pid=1, started_at=utcnow(), beat_at=utcnow()))

    assert (without.status_code, without.json()["store"], without.json()["worker"]) == (503, True, False)
    assert browser.get("/readyz").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_starts_and_takes_over_nothing(
    desk: Desk, browser: TestClient, site: str
) -> None:
    sign_in(browser, world.ADMIN)

    answer = browser.get(
        "/connect/xero",
        params={"workspace": world.BROKEN, "take_over": "1"},
        headers={"Sec-Fetch-Site": site},
    )

    assert answer.headers["location"] == f"/reconnect?workspace={world.BROKEN}"
    with desk.store.read() as session:
        assert session.query(tables.Reconnect).count() == 0
