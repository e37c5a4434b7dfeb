"""One house with the demo world for all browser tests; each test gets a browser window of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.desk import Window, demo_house
from tests.browser.wizard import stories
from tests.browser.wizard.town import Town, open_town
from tests.chromium import launch
from tests.house import House


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo world in a running house, its first syncs done."""
    with demo_house(tmp_path_factory.mktemp("house")) as tree:
        yield tree


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="session")
def _town(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town"), browser, stories.build) as opened:
        yield opened


@pytest.fixture
def town(_town: Town) -> Iterator[Town]:
    """A town with a workspace for each story of the wizard, in a running house of its own."""
    yield _town
    _town.calm()


@pytest.fixture
def window(demo: House, browser: Browser) -> Iterator[Callable[[], Window]]:
    """Open windows, each with cookies of its own, as if on another machine."""
    opened: list[Page] = []

    def open_window() -> Window:
        page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB").new_page()
        page.set_default_timeout(20_000)
        opened.append(page)
        return Window(demo, page)

    yield open_window
    for page in opened:
        page.context.close()
