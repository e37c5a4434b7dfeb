"""The door of a reconnect link over HTTP: what is shown, what is kept in cookies, and what never is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from httpx2 import Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from dashboard.door import FORM_BYTES, LINK_COOKIE
from dashboard.edge import Edge
from dashboard.identity import GUEST_COOKIE
from dashboard.routes import ROUTES
from services.desk import Desk, open_desk
from services.links import course
from services.settings import load_settings
from services.store.engine import utcnow
from services.store.states import LinkState
from tests.integration.web import doors, world

#: Words that tell something of the workspace behind a link.
TELLING = ("Harbour", "Finch", "Xero", world.BROKEN, world.ADMIN, "amira", "Amira", "owner", "incident")


@pytest.fixture
def app() -> Starlette:
    """The routes, as they are served over https."""
    return Starlette(routes=ROUTES, middleware=[Middleware(Edge, https=True)])


@pytest.fixture
def browser(desk: Desk, app: Starlette) -> Iterator[TestClient]:
    """A browser that nobody is signed in with."""
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        yield client


@pytest.fixture
def other_browser(desk: Desk, app: Starlette) -> Iterator[TestClient]:
    """A browser on another machine."""
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        yield client


def open_link(browser: TestClient, secret: str) -> Response:
    """Press the link and follow to where it leads within the door."""
    answer = browser.get(f"/link/{secret}")
    return browser.get("/link") if answer.status_code == 303 else answer


def come_in(desk: Desk, browser: TestClient, secret: str) -> Response:
    """Press the link, ask for the code and type it."""
    open_link(browser, secret)
    browser.post("/link/code")
    return browser.post("/link/confirm", data={"code": doors.last_code(desk)})


def read(answer: Response) -> str:
    """Return what a person reads."""
    return " ".join(re.sub(r"<[^>]+>", "", answer.text).split())


def set_cookies(answer: Response) -> str:
    return "\n".join(answer.headers.get_list("set-cookie")).lower()


def assert_tells_nothing(answer: Response, secret: str) -> None:
    """Nothing of the workspace and no secret in what is sent before the address is confirmed."""
    sent = answer.text + answer.headers.get("location", "")
    assert [word for word in (*TELLING, secret) if word in sent] == []


# The whole way


def test_the_secret_leaves_the_address_at_once(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    answer = browser.get(f"/link/{secret}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/link")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    cookie = set_cookies(answer)
    for flag in (f"{LINK_COOKIE}=", "httponly", "samesite=lax", "path=/link", "secure", "max-age="):
        assert flag in cookie


def test_before_the_code_nothing_of_the_workspace_is_said(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    first = open_link(browser, secret)
    assert "a•••@harbour.example" in first.text
    assert "Send the code" in first.text
    browser.post("/link/code")
    second = browser.get("/link")
    assert "Code from the mail" in second.text
    wrong = browser.post("/link/confirm", data={"code": "1"})
    for answer in (first, second, wrong):
        assert_tells_nothing(answer, secret)
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text
        assert "http" not in answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_looking_is_not_opening(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    for _ in range(2):
        open_link(browser, secret)
        browser.head(f"/link/{secret}")
    assert doors.the_link(desk).state is LinkState.SENT
    assert browser.post("/link/code").headers["location"] == "/link"
    assert doors.the_link(desk).state is LinkState.OPENED


def test_the_right_code_leads_to_the_wizard_with_a_cookie_of_this_browser(
    desk: Desk, browser: TestClient
) -> None:
    secret = doors.hand_over(desk)
    answer = come_in(desk, browser, secret)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/reconnect?workspace={world.BROKEN}")
    cookie = set_cookies(answer)
    for flag in (f"{GUEST_COOKIE}=", "httponly", "samesite=lax", "path=/", "secure"):
        assert flag in cookie
    seconds = int(cookie.partition("max-age=")[2].partition(";")[0])
    assert timedelta(days=6) < timedelta(seconds=seconds) <= timedelta(days=7)
    assert secret not in answer.text + str(answer.headers)


def test_the_guest_leaves_for_xero_for_that_workspace_and_no_other(desk: Desk, browser: TestClient) -> None:
    come_in(desk, browser, doors.hand_over(desk))
    assert (
        browser.get("/connect/xero", params={"workspace": world.BROKEN})
        .headers["location"]
        .startswith("https://login.xero.com/")
    )
    foreign = browser.get("/connect/xero", params={"workspace": world.FOREIGN})
    assert foreign.status_code == 400
    assert "There is no workspace" in foreign.text
    doors.revoke(desk)
    out = browser.get("/connect/xero", params={"workspace": world.BROKEN})
    assert out.headers["location"].startswith("/reconnect")


def test_the_guest_brings_back_what_xero_answered(desk: Desk, browser: TestClient) -> None:
    come_in(desk, browser, doors.hand_over(desk))
    address = browser.get("/connect/xero", params={"workspace": world.BROKEN}).headers["location"]
    state = address.partition("state=")[2].partition("&")[0]
    answer = browser.get("/connect/xero/callback", params={"state": state, "error": "access_denied"})
    assert answer.headers["location"] == f"/reconnect?workspace={world.BROKEN}"


# Codes


def test_wrong_codes_are_counted_and_end_the_code(desk: Desk, browser: TestClient) -> None:
    open_link(browser, doors.hand_over(desk))
    browser.post("/link/code")
    wrong = f"{(int(doors.last_code(desk)) + 1) % 1_000_000:06}"
    said = [browser.post("/link/confirm", data={"code": wrong}) for _ in range(5)]
    assert {answer.status_code for answer in said} == {400}
    assert "4 tries are left" in said[0].text
    assert "Ask for a new one" in said[4].text
    assert "Send the code" in said[4].text


def test_a_second_code_at_once_is_declined_with_when(desk: Desk, browser: TestClient) -> None:
    open_link(browser, doors.hand_over(desk))
    browser.post("/link/code")
    answer = browser.post("/link/code")
    assert answer.status_code == 400
    assert "seconds" in answer.text


def test_too_many_wrong_codes_revoke_the_link_and_say_so(desk: Desk, browser: TestClient) -> None:
    open_link(browser, doors.hand_over(desk))
    browser.post("/link/code")
    doors.change_link(desk, wrong_codes=14)
    wrong = f"{(int(doors.last_code(desk)) + 1) % 1_000_000:06}"
    answer = browser.post("/link/confirm", data={"code": wrong})
    assert answer.status_code == 410
    assert "too many wrong codes" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"code",
        b"code=",
        b"code=%00%ff",
        b"code=<script>alert(1)</script>",
        b"code=123456&code=654321",
        b"\xff" * 10,
        b"code=" + b"1" * FORM_BYTES,
        b'--x\r\nContent-Disposition: form-data; name="code"; filename="a"\r\n\r\n123456\r\n--x--',
    ],
)
def test_hostile_forms_are_no_code(desk: Desk, browser: TestClient, body: bytes) -> None:
    open_link(browser, doors.hand_over(desk))
    browser.post("/link/code")
    answer = browser.post(
        "/link/confirm", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 400
    assert "alert(1)" not in answer.text
    assert GUEST_COOKIE not in set_cookies(answer)


def test_without_e_mail_it_says_that_no_code_can_be_sent(
    desk: Desk, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = doors.hand_over(desk)
    monkeypatch.setenv("RELINK_MAIL_URL", "")
    load_settings.cache_clear()
    open_desk.cache_clear()
    answer = open_link(browser, secret)
    assert "E-mail is not set up here" in " ".join(answer.text.split())
    assert "Send the code" not in answer.text


# Other browsers


def test_opened_again_in_the_same_browser_it_goes_straight_on(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    come_in(desk, browser, secret)
    assert open_link(browser, secret).headers["location"] == f"/reconnect?workspace={world.BROKEN}"


def test_in_another_browser_it_says_since_when_and_a_fresh_code_moves_it_there(
    desk: Desk, browser: TestClient, other_browser: TestClient
) -> None:
    secret = doors.hand_over(desk)
    come_in(desk, browser, secret)
    shown = open_link(other_browser, secret)
    assert "in use in another browser, since" in shown.text
    assert_tells_nothing(shown, secret)
    doors.change_link(desk, code_expires_at=None)  # the last code was long ago
    assert come_in(desk, other_browser, secret).status_code == 303
    assert "in use in another browser" in open_link(browser, secret).text


def test_who_leaves_is_out_and_both_cookies_are_gone(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    come_in(desk, browser, secret)
    answer = browser.post("/link/leave")
    assert answer.status_code == 200
    assert "You have left" in answer.text
    assert not [name for name in browser.cookies if name in (GUEST_COOKIE, LINK_COOKIE)]
    assert doors.the_link(desk).guest_hash is None
    assert (
        "Send the code" in open_link(browser, secret).text or "Code from" in open_link(browser, secret).text
    )


# Links that lead nowhere


@pytest.mark.parametrize(
    "made_up", ["guess", "code", "confirm", "leave", "%00", "%ff", "..%2fx", "x" * 5000, "%0d%0aa"]
)
def test_every_guess_gets_the_same_answer(desk: Desk, browser: TestClient, made_up: str) -> None:
    doors.hand_over(desk)
    answer = browser.get(f"/link/{made_up}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers
    if "leads nowhere" in answer.text:
        assert answer.text == browser.get("/link/another-guess").text


def test_without_the_link_the_door_asks_for_it(desk: Desk, browser: TestClient) -> None:
    for answer in (browser.get("/link"), browser.post("/link/code"), browser.post("/link/confirm")):
        assert answer.status_code == 404
        assert "Open the link once more" in answer.text


def expire(desk: Desk) -> None:
    doors.change_link(desk, expires_at=utcnow() - timedelta(days=2))


def replace(desk: Desk) -> None:
    doors.hand_over(desk)


def repair(desk: Desk) -> None:
    with desk.store.begin() as session:
        course.mark_verified(session, world.BROKEN, utcnow() - timedelta(hours=2))


def verify(desk: Desk) -> None:
    doors.change_link(desk, state=LinkState.AUTHORISED)
    repair(desk)


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (expire, ("This link has expired", "expired 2 days ago", "Ask whoever sent it for a new one")),
        (replace, ("There is a newer link", "just now", "Open the newest message")),
        (repair, ("There is nothing to do", "works again: it was repaired 2 hours ago")),
        (verify, ("There is nothing to do", "works again: it was repaired 2 hours ago")),
        (doors.revoke, ("This link was revoked", "just now", "Has left the company.", "Ask whoever sent it")),
    ],
    ids=["expired", "replaced", "repaired", "verified", "revoked"],
)
def test_a_link_that_ended_says_why_and_what_to_do(
    desk: Desk,
    browser: TestClient,
    other_browser: TestClient,
    end: Callable[[Desk], None],
    words: tuple[str, ...],
) -> None:
    secret = doors.hand_over(desk)
    open_link(browser, secret)
    end(desk)
    plain = " ".join(other_browser.get(f"/link/{secret}").text.split())
    assert "/link" not in plain
    for answer in (open_link(browser, secret), browser.post("/link/code"), browser.post("/link/confirm")):
        assert answer.status_code == 410
        shown = read(answer)
        for word in words:
            assert word in shown
        assert_tells_nothing(answer, secret)


def test_a_reason_is_shown_as_text(desk: Desk, browser: TestClient) -> None:
    secret = doors.hand_over(desk)
    doors.revoke(desk, world.HOSTILE)
    answer = open_link(browser, secret)
    assert "<img src=x" not in answer.text
    assert "&lt;img" in answer.text
