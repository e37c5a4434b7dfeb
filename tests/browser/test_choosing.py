"""What is ticked over pages of failed exports is what is planned, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from services.store import tables
from services.store.engine import Store, open_store, utcnow
from services.store.migrate import migrate
from tests.browser.desk import sign_in_by_cookie
from tests.house import House, house
from tests.integration.web import world

ROW_HEIGHT, BOX = 35, 18  # of the table, which is painted


@pytest.fixture
def long(tmp_path: Path) -> Iterator[tuple[House, Store]]:
    """Pages on the small world with two pages of failed exports. No worker is needed to choose."""
    with house(tmp_path) as tree:
        store = open_store(tree.database_url)
        migrate(store)
        world.fill(store)
        with store.begin() as session:
            beat = utcnow() + timedelta(hours=1)
            session.add(tables.Worker(id="w", host="elsewhere", pid=1, started_at=beat, beat_at=beat))
            for number in range(200, 260):
                world.add_export(session, world.HEALTHY, number)
        tree.start_web()
        yield tree, store
        store.close()


def tick(page: Page, row: int) -> None:
    """Click the box of a row of the table, counted from 1."""
    place = page.locator("canvas").first.bounding_box()
    assert place is not None
    page.mouse.click(place["x"] + BOX, place["y"] + ROW_HEIGHT * row + ROW_HEIGHT // 2)


def test_ticks_on_two_pages_are_planned_and_nothing_else(long: tuple[House, Store], browser: Browser) -> None:
    tree, store = long
    page = sign_in_by_cookie(browser.new_context(viewport={"width": 1280, "height": 1200}), tree, world.AGENT)
    page.goto(f"{tree.url}/failed-exports")
    expect(page.get_by_text("EXP-000001")).to_be_attached()
    tick(page, 1)
    expect(page.get_by_text("1 selected on 1 page")).to_be_visible()
    tick(page, 3)
    expect(page.get_by_text("2 selected on 1 page")).to_be_visible()

    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_text("EXP-000247")).to_be_attached()
    tick(page, 2)
    expect(page.get_by_text("3 selected on 2 pages")).to_be_visible()

    page.get_by_role("button", name="Previous page").click()
    expect(page.get_by_text("EXP-000001")).to_be_attached()
    tick(page, 3)  # it is shown as ticked, so a click takes it away
    expect(page.get_by_text("2 selected on 2 pages")).to_be_visible()

    page.get_by_role("button", name="Plan a retry of 2 exports").click()
    expect(page.get_by_role("heading", name="Retry 2 exports")).to_be_visible()
    with store.read() as session:
        planned = session.scalars(
            select(tables.Export.number).join(tables.PlanItem, tables.PlanItem.export_id == tables.Export.id)
        )
        assert sorted(planned) == ["EXP-000001", "EXP-000248"]
    page.context.close()
