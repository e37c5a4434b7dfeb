"""The main job, as people do it: from the ticket to everything in Xero, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import Select, select

from services.store import tables
from services.store.engine import open_store
from services.store.states import UNDELIVERED, IncidentState
from tests.browser.desk import ADMIN, AGENT, MANAGER, Window
from tests.house import House

WORKSPACE, ORGANISATION = "Brightside Studios", "Brightside Studios Ltd"
LONG_MS = 60_000

T = TypeVar("T")


def test_from_the_ticket_to_everything_in_xero(window: Callable[[], Window], demo: House) -> None:
    waiting = owed(demo)
    assert waiting
    workspace_id = the_agent_sees_what_is_broken(window(), waiting=len(waiting))
    desk = window()
    the_admin_reconnects(desk, workspace_id)
    the_admin_retries(desk.page, waiting=len(waiting))
    everything_is_in_xero_once(demo, waiting)
    the_incident_is_closed(demo)
    the_manager_sees_it(window())


def the_agent_sees_what_is_broken(desk: Window, *, waiting: int) -> str:
    page = desk.sign_in(AGENT)
    page.get_by_label("Find a workspace").fill(WORKSPACE)
    page.get_by_label("Find a workspace").press("Enter")
    page.get_by_role("link", name=WORKSPACE, exact=True).click()
    expect(page.get_by_role("heading", name=WORKSPACE)).to_be_visible()
    expect(page.get_by_role("heading", name="XERO11: Connection expired")).to_be_visible()
    expect(page.get_by_text(re.compile(rf"{waiting} exports worth GBP"))).to_be_visible()
    expect(page.get_by_text("3 days ago").first).to_be_visible()
    expect(page.get_by_role("link", name="Reconnect", exact=True)).to_have_count(0)
    return page.url.partition("id=")[2]


def the_admin_reconnects(desk: Window, workspace_id: str) -> None:
    page = desk.sign_in(ADMIN, f"/reconnect?workspace={workspace_id}")
    expect(page.get_by_text("When prompted, click Reconnect.")).to_be_visible()
    page.get_by_role("link", name="Reconnect", exact=True).click()
    desk.log_in_to_xero(ORGANISATION)
    expect(page.get_by_text("Same organisation and same Xero login as before: verified.")).to_be_visible()
    expect(page.get_by_text("Sync finished: Xero answers again.")).to_be_visible(timeout=LONG_MS)


def the_admin_retries(page: Page, *, waiting: int) -> None:
    expect(page.get_by_text("will send").first).to_be_visible()
    page.get_by_role("button", name=f"Retry {waiting} exports").click()
    expect(page.get_by_text(f"{waiting} exports arrived in Xero.")).to_be_visible(timeout=LONG_MS)


def everything_is_in_xero_once(demo: House, waiting: list[str]) -> None:
    with httpx.Client(base_url=demo.sandbox_url) as http:
        ledger = http.get("/sandbox/ledger").json()
    numbers = [document["number"] for document in ledger["documents"]]
    assert [numbers.count(number) for number in waiting] == [1] * len(waiting)
    assert not set(ledger["duplicates"]) & set(waiting)


def the_incident_is_closed(demo: House) -> None:
    assert owed(demo) == []
    incident = stored(
        demo,
        select(tables.Incident.state)
        .join(tables.Workspace, tables.Workspace.id == tables.Incident.workspace_id)
        .where(tables.Workspace.name == WORKSPACE)
        .order_by(tables.Incident.opened_at.desc()),
    )
    assert incident[0] is IncidentState.CLOSED


def the_manager_sees_it(desk: Window) -> None:
    page = desk.sign_in(MANAGER, "/incidents")
    expect(page.get_by_role("heading", name="Incidents", exact=True)).to_be_visible()
    expect(page.get_by_role("figure").first).to_be_visible()
    page.get_by_text("All", exact=True).first.click()
    expect(page.get_by_role("link", name=WORKSPACE, exact=True).first).to_be_visible()


def owed(demo: House) -> list[str]:
    """The numbers of the workspace's exports that are still owed to Xero."""
    return stored(
        demo,
        select(tables.Export.number)
        .join(tables.Workspace, tables.Workspace.id == tables.Export.workspace_id)
        .where(tables.Workspace.name == WORKSPACE, tables.Export.state.in_(UNDELIVERED)),
    )


def stored(demo: House, query: Select[T]) -> list[T]:
    store = open_store(demo.database_url)
    with store.read() as session:
        found = list(session.scalars(query))
    store.close()
    return found
