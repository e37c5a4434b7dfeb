"""A reconnect link, as people use it: sent by an agent, opened by somebody who has no account here."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import select

from services.store import tables
from services.store.engine import open_store
from services.store.states import LinkState
from tests.browser.desk import AGENT, Window
from tests.house import House

WORKSPACE, ORGANISATION = "Liffey Street Design", "Liffey Street Design Limited"
LONG_MS = 60_000


def mail_to(demo: House, page: Page, address: str, pattern: str) -> str:
    """Wait until a mail with the pattern is in somebody's mailbox, and return what matched, the newest."""
    for _ in range(100):
        mails = httpx.get(f"{demo.sandbox_url}/sandbox/mail", params={"address": address}).json()
        found = [match for mail in mails for match in re.findall(pattern, mail["message"])]
        if found:
            return str(found[-1])
        page.wait_for_timeout(200)
    raise AssertionError(f"no mail with {pattern} to {address}: {demo.log('worker')[-2000:]}")


def the_link(demo: House) -> tables.ReconnectLink:
    store = open_store(demo.database_url)
    with store.read() as session:
        newest = select(tables.ReconnectLink).order_by(tables.ReconnectLink.sent_at.desc()).limit(1)
        link = session.scalars(newest).one()
    store.close()
    return link


def the_agent_sends(desk: Window) -> None:
    page = desk.sign_in(AGENT)
    page.get_by_role("link", name=WORKSPACE, exact=True).click()
    page.get_by_role("button", name="Send reconnect link").click()
    expect(page.get_by_text("on its way by e-mail").first).to_be_visible()
    expect(page.get_by_text("Words for the ticket")).to_be_visible()
    page.context.close()


def the_guest_confirms(demo: House, page: Page, address: str, link: str) -> None:
    page.goto(link)
    expect(page).to_have_url(f"{demo.url}/link")
    expect(page.get_by_role("heading", name="Confirm your address")).to_be_visible()
    expect(page.get_by_text(WORKSPACE)).to_have_count(0)
    page.get_by_role("button", name="Send the code").click()
    code = mail_to(demo, page, address, r"\b\d{6}\b")
    page.get_by_label("Code from the mail").fill(code)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Reconnect Xero")).to_be_visible()


def the_guest_gets_nowhere_else(demo: House, page: Page) -> None:
    for path in ("/", "/workspace?id=x", "/incidents", "/failed-exports", "/links", "/retry?plan=x"):
        page.goto(f"{demo.url}{path}")
        expect(page.get_by_role("heading", name="Your link opens one page only")).to_be_visible()
    page.get_by_role("link", name="Go to the reconnect").click()
    expect(page.get_by_role("heading", name="Reconnect Xero")).to_be_visible()


def the_guest_reconnects(window: Window) -> None:
    page = window.page
    reconnect = page.get_by_role("link", name="Reconnect", exact=True)
    sync = page.get_by_role("button", name="Sync Now", exact=True)
    reconnect.or_(sync).first.wait_for()
    if sync.count():
        sync.click()
    reconnect.click(timeout=LONG_MS)
    window.log_in_to_xero(ORGANISATION)
    expect(page.get_by_text("Sync finished: Xero answers again.")).to_be_visible(timeout=LONG_MS)


def test_a_guest_reconnects_by_a_link_and_gets_nowhere_else(
    window: Callable[[], Window], demo: House
) -> None:
    the_agent_sends(window())
    link = the_link(demo)
    guest = window()
    page = guest.page
    address = mail_to(demo, page, link.email, r"http\S+/link/[A-Za-z0-9_-]+")
    the_guest_confirms(demo, page, link.email, address)
    the_guest_gets_nowhere_else(demo, page)
    the_guest_reconnects(guest)
    assert the_link(demo).state is LinkState.VERIFIED
    assert address.rpartition("/")[2] not in demo.log("web") + demo.log("worker")

    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="You have left")).to_be_visible()
    page.goto(f"{demo.url}/reconnect?workspace={link.workspace_id}")
    expect(page.get_by_role("button", name="Sign in").first).to_be_visible()
