"""What worker and web need in memory while few, and while many exports are looked at, planned and sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from dashboard.navigation import FAILED_EXPORTS
from tests.bench.figure import Figure, at_most
from tests.bench.stage import Stage, stage
from tests.browser.desk import sign_in_by_cookie
from tests.chromium import launch

ORGANISATIONS = 20
FEW, MANY = 50, 5_000  # exports each: full batches either way
RATIO = 1.2
PAGE_MS = 300_000.0  # for a page to come to what is waited for


@dataclass(frozen=True, slots=True)
class Peaks:
    """The most that each process had in memory, in MB."""

    worker: float
    web: float


def figures() -> Iterator[Figure]:
    """Do the same with 1,000 and with 100,000 exports and compare the peaks."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        few, many = (_peaks(browser, each) for each in (FEW, MANY))
        browser.close()
    yield _figure("memory of the worker", few.worker, many.worker)
    yield _figure("memory of the web", few.web, many.web)


def _figure(name: str, few: float, many: float) -> Figure:
    how = (
        f"{few:.0f} MB at most with {ORGANISATIONS * FEW:,} failed exports, "
        f"{many:.0f} MB with {ORGANISATIONS * MANY:,}"
    )
    return at_most(name, many / few, RATIO, unit="x", how=how)


def _peaks(browser: Browser, each: int) -> Peaks:
    with stage() as house:
        house.failed(organisations=ORGANISATIONS, each=each)
        house.tree.start_worker()
        house.tree.start_web()
        page = sign_in_by_cookie(browser.new_context(), house.tree, house.office.agent.email)
        plan_id = _plan(house, page)
        house.until_judged(plan_id)
        house.start(plan_id)
        page.reload()  # the run's page then follows it
        house.until_finished(plan_id)
        page.get_by_role("link", name="Download CSV").wait_for(timeout=PAGE_MS)
        peaks = Peaks(*(_peak(house, name) for name in ("worker", "web")))
        page.context.close()
        return peaks


def _plan(house: Stage, page: Page) -> str:
    """Look at the failed exports and plan a retry of them all, as a person does."""
    page.goto(f"{house.tree.url}/{FAILED_EXPORTS.path}")
    page.get_by_role("button", name="Plan a retry of").first.click()
    page.wait_for_url(re.compile("plan="), timeout=PAGE_MS)
    return page.url.rpartition("plan=")[2]


def _peak(house: Stage, name: str) -> float:
    """Return the most that a process ever had in memory, in MB, as Linux counts it."""
    status = Path(f"/proc/{house.tree.processes[name].pid}/status").read_text()
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(kilobytes) / 1024
