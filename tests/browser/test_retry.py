"""A retry watched in a real browser: it moves, stops, goes on, is cancelled; its results are taken away."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from services.store import tables
from services.store.states import ExportState
from tests.browser.wizard.town import AGENT, Town, open_town

LONG_MS = 60_000
EXPORTS = {"Harbour Bakery": 500, "Kauri Tours": 100, "Quay Books": 50}
TOTAL = sum(EXPORTS.values())


def build(town: Town) -> None:
    """Open workspaces with hundreds of exports, and a Xero that takes its time."""
    for trade, number in EXPORTS.items():
        shop = town.shops[trade] = town.working(trade)
        town.office.exports(shop, number, state=ExportState.FAILED, code="XERO11")
        town.office.fault(shop, "PUT", "Invoices", times=100, delay_seconds=1.5)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Town]:
    """A town whose exports take a while."""
    with open_town(tmp_path_factory.mktemp("street"), browser, build) as opened:
        yield opened


def test_a_retry_is_watched_stopped_and_its_results_are_taken_away(street: Town, tmp_path: Path) -> None:
    plan_id = street.office.plan(*street.shops.values(), member=AGENT)
    street.office.start(plan_id)
    page = street.window(AGENT)
    page.goto(f"{street.house.url}/retry?plan={plan_id}")
    it_moves(page)
    it_is_paused_and_goes_on(page)
    it_is_cancelled(page)
    arrived = its_end_says_what_became_of_it(page)
    assert_each_is_in_xero_once(street, arrived)
    assert count_of(read_csv(download(page, "CSV", tmp_path)), "delivered") == arrived
    for _ in range(3):  # once more without loading the page anew, and again
        assert count_of(read_xlsx(download(page, "XLSX", tmp_path)), "delivered") == arrived
    what_is_left_is_planned_again(page, TOTAL - arrived)


def it_moves(page: Page) -> None:
    bar = page.get_by_test_id("stProgress").get_by_text(re.compile(rf"^\d+ of {TOTAL} exports$"))
    expect(bar).not_to_have_text(f"0 of {TOTAL} exports", timeout=LONG_MS)
    seen = bar.inner_text()
    expect(bar).not_to_have_text(seen, timeout=LONG_MS)
    rate = page.get_by_text(re.compile(r"About [\d,]+ exports a minute, done "))
    expect(rate).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_role("table", name="Workspaces of this retry")).to_contain_text("Kauri Tours")


def it_is_paused_and_goes_on(page: Page) -> None:
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by a person.")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=LONG_MS)


def it_is_cancelled(page: Page) -> None:
    page.get_by_role("button", name="Cancel what is left").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"\d+ exports are not sent yet and stay as they are\."))
    dialog.get_by_role("button", name="Keep it going").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel what is left").click()
    page.wait_for_timeout(2500)  # the page refreshes itself meanwhile, and the question stays
    dialog.get_by_role("button", name="Cancel the rest").click()


def its_end_says_what_became_of_it(page: Page) -> int:
    panel = page.get_by_role("heading", name=re.compile(r"Cancelled\. \d+ of \d+ arrived in Xero\."))
    expect(panel).to_be_visible(timeout=LONG_MS)
    found = re.search(r"Cancelled\. (\d+) of", panel.inner_text())
    assert found is not None
    return int(found[1])


def assert_each_is_in_xero_once(street: Town, arrived: int) -> None:
    with street.office.desk.store.read() as session:
        delivered = session.query(tables.Export).filter_by(state=ExportState.DELIVERED).count()
    ledgers = [street.office.ledger(shop) for shop in street.shops.values()]
    assert 0 < arrived == delivered == sum(ledger["count"] for ledger in ledgers) < TOTAL
    assert not any(ledger["duplicates"] for ledger in ledgers)


def download(page: Page, kind: str, folder: Path) -> Path:
    with page.expect_download(timeout=LONG_MS) as coming:
        page.get_by_role("link", name=f"Download {kind}").click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def read_csv(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_xlsx(path: Path) -> list[dict[str, object]]:
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    head, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def count_of(rows: list[dict[str, object]], result: str) -> int:
    assert len({row["number"] for row in rows}) == len(rows) == TOTAL
    return sum(row["result"] == result for row in rows)


def what_is_left_is_planned_again(page: Page, left: int) -> None:
    page.get_by_role("button", name=f"Retry the leftovers ({left})").click()
    expect(page.get_by_role("heading", name=f"Retry {left} exports")).to_be_visible(timeout=LONG_MS)
