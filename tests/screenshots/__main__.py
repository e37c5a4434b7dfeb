"""`make screenshots`: each page of the demo world, light and dark, into docs/screenshots; narrow into var."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.desk import ADMIN, AGENT, Window, demo_house
from tests.chromium import launch
from tests.house import ROOT, House
from tests.screenshots import wizard

SHOWN = ROOT / "docs" / "screenshots"
NARROW = ROOT / "var" / "screenshots"
HEIGHT, HIGHEST = 900, 2400
SETTLE_MS = 1500  # charts and tables paint after the page says that it is done


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at a page."""

    name: str
    scheme: str
    width: int
    folder: Path


LOOKS = (
    Look("light", "light", 1440, SHOWN),
    Look("dark", "dark", 1440, SHOWN),
    Look("narrow", "light", 390, NARROW),
)


def main(only: Sequence[str]) -> None:
    """Take every picture, or only those of the `pages` or of the `wizard`."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for name, take_all in (("pages", _take_pages), ("wizard", wizard.take_all)):
            if name in (only or name):
                with tempfile.TemporaryDirectory() as folder:
                    take_all(browser, Path(folder))
        browser.close()


def _take_pages(browser: Browser, folder: Path) -> None:
    with demo_house(folder) as tree:
        for pages in (_pages, _retried_pages):  # a retry changes what the others show
            for look in LOOKS:
                look.folder.mkdir(parents=True, exist_ok=True)
                for name, page in pages(browser, tree, look):
                    _take(page, look, name)


def _take(page: Page, look: Look, name: str) -> None:
    _settle(page)
    _grow(page, look)
    page.screenshot(path=look.folder / f"{name}-{look.name}.png")
    page.set_viewport_size({"width": look.width, "height": HEIGHT})


def _settle(page: Page) -> None:
    page.get_by_test_id("stStatusWidget").wait_for(state="hidden")
    page.wait_for_timeout(SETTLE_MS)


def _grow(page: Page, look: Look) -> None:
    """Make the window as high as the page: it scrolls inside itself, which a picture would cut off."""
    height = page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollHeight ?? 0")
    page.set_viewport_size({"width": look.width, "height": min(max(int(height), HEIGHT), HIGHEST)})
    page.wait_for_timeout(SETTLE_MS)


def _pages(browser: Browser, tree: House, look: Look) -> Iterator[tuple[str, Page]]:
    agent = _window(browser, tree, look)
    page = agent.open()
    page.get_by_role("button", name="Sign in").first.wait_for()
    yield "sign-in", page
    agent.sign_in(AGENT)
    yield "workspaces", page
    yield from _agent_pages(agent)
    admin = _window(browser, tree, look)
    page = admin.sign_in(ADMIN)
    _open_workspace(page, "Brightside Films")
    yield "workspace-of-an-admin", page
    page.goto(page.url.replace("/workspace?id=", "/reconnect?workspace="))
    page.get_by_role("link", name="Reconnect", exact=True).wait_for()
    yield "reconnect", page


def _agent_pages(agent: Window) -> Iterator[tuple[str, Page]]:
    page = agent.page
    _open_workspace(page, "Brightside Studios")
    yield "workspace", page
    for name in ("incidents", "failed-exports", "import-reports"):
        agent.open(f"/{name}")
        page.get_by_role("heading", level=1).wait_for()
        yield name, page
    agent.open("/failed-exports")
    _press(page, lambda: page.get_by_role("button", name="Plan a retry").first.click())
    page.get_by_text("will send").first.wait_for()
    yield "retry", page


def _retried_pages(browser: Browser, tree: House, look: Look) -> Iterator[tuple[str, Page]]:
    agent = _window(browser, tree, look)
    page = agent.sign_in(AGENT, "/failed-exports")
    page.get_by_role("heading", level=1).wait_for()
    _settle(page)
    if page.get_by_role("heading", name="Latest retries").count():
        page.get_by_role("link", name="by mara").first.click()
    else:
        page.get_by_role("button", name="Plan a retry").first.click()
        page.get_by_text("will send").first.wait_for()
        _press(page, lambda: page.get_by_role("button", name=re.compile(r"^Retry \d")).click())
    page.get_by_role("link", name="Download CSV").wait_for()
    page.get_by_text("arrived in Xero").first.wait_for()
    yield "retry-ended", page
    page.get_by_role("link", name="EXP-").first.click()
    page.get_by_role("heading", name="Attempts").wait_for()
    yield "export", page


def _press(page: Page, act: Callable[[], None]) -> None:
    _settle(page)
    act()


def _open_workspace(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", name=name).wait_for()


def _window(browser: Browser, tree: House, look: Look) -> Window:
    context = browser.new_context(
        viewport={"width": look.width, "height": HEIGHT},
        color_scheme="dark" if look.scheme == "dark" else "light",
        locale="en-GB",
    )
    return Window(tree, context.new_page())


if __name__ == "__main__":
    main(sys.argv[1:])
