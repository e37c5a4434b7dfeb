"""Every page in a real browser: nothing foreign is asked for, nothing fails, nothing scrolls sideways."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import ConsoleMessage, Page, Request, expect

from tests.browser.desk import ADMIN, AGENT, MANAGER, STRANGER, Window

PAGES = ("/", "/incidents", "/failed-exports", "/import-reports")
# Streamlit asks for these beside a page's own address before it falls back to the root.
FIRST_TRY = ("/_stcore/health", "/_stcore/host-config")

OpenWindow = Callable[[], Window]


class Witness:
    """Writes down what a page does that it should not."""

    def __init__(self, page: Page, own: str) -> None:
        self.own = own
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.own, self.own.replace("http", "ws"), "data:", "blob:")):
            self.foreign.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        tried_first = message.location["url"].endswith(FIRST_TRY)
        if message.type == "error" and not tried_first:
            self.errors.append(message.text)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_without_an_error_and_asks_nobody_else(window: OpenWindow, path: str) -> None:
    desk = window()
    desk.sign_in(AGENT)
    witness = Witness(desk.page, desk.house.url)
    page = desk.open(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    assert (witness.foreign, witness.errors) == ([], [])


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_a_phone(window: OpenWindow, path: str) -> None:
    desk = window()
    desk.page.set_viewport_size({"width": 390, "height": 800})
    page = desk.sign_in(AGENT, path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget")).to_be_hidden()
    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390


def test_a_plan_of_many_currencies_fits_a_phone(window: OpenWindow) -> None:
    desk = window()
    desk.page.set_viewport_size({"width": 390, "height": 800})
    page = desk.sign_in(AGENT, "/failed-exports")
    page.get_by_role("button", name="Plan a retry of all").click()
    expect(page.get_by_role("button", name=re.compile("^Retry "))).to_be_visible()
    expect(page.get_by_role("table", name="Verdicts")).to_contain_text("more currencies")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390


def test_a_stranger_is_told_so_and_sees_nothing(window: OpenWindow) -> None:
    desk = window()
    desk.open("/incidents")
    desk.page.get_by_role("button", name="Sign in").first.click()
    desk.page.get_by_role("button", name=STRANGER).click()
    expect(desk.page.get_by_text("sam.stranger@elsewhere.example").first).to_be_visible()
    expect(desk.page.get_by_role("link", name="Workspaces")).to_have_count(0)
    expect(desk.page.get_by_text("Brightside")).to_have_count(0)


@pytest.mark.parametrize(
    ("who", "path", "says"),
    [
        (AGENT, "/workspace?id=NOSUCHWORKSPACE1", "There is no workspace"),
        (AGENT, "/workspace", "There is no workspace"),
        (AGENT, "/reconnect?workspace=%3Cscript%3E", "There is no workspace"),
        (AGENT, "/retry?plan=stale", "There is no such retry"),
        (ADMIN, "/workspace?id=NOSUCHWORKSPACE1", "or it is not one of yours"),
    ],
)
def test_a_stale_link_says_what_to_do(window: OpenWindow, who: str, path: str, says: str) -> None:
    page = window().sign_in(who, path)
    expect(page.get_by_text(says)).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_the_list_keeps_its_filters_in_the_address(window: OpenWindow) -> None:
    desk = window()
    page = desk.sign_in(MANAGER)
    page.get_by_label("Find a workspace").fill("brightside")
    page.get_by_label("Find a workspace").press("Enter")
    expect(page.get_by_role("link", name="Kestrel Cycles")).to_have_count(0)
    address = page.url
    page.goto(address)
    expect(page.get_by_label("Find a workspace")).to_have_value("brightside")
    expect(page.get_by_role("link", name="Brightside Films", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Kestrel Cycles")).to_have_count(0)


def test_a_return_from_xero_that_nobody_started_changes_nothing(window: OpenWindow) -> None:
    desk = window()
    desk.sign_in(ADMIN)
    page = desk.open("/connect/xero/callback?code=stolen&state=foreign")
    expect(page.get_by_text("does not belong to a reconnect that was started here")).to_be_visible()
