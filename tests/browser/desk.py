"""What people do at the desk, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import func, select

from dashboard.edge import USER_COOKIE
from services.store import tables
from services.store.engine import open_store
from services.store.states import SyncState
from tests.house import House, house
from tests.integration.web.conftest import member_cookie
from tests.patience import until

SYNCED_SECONDS = 120.0
AGENT, ADMIN, MANAGER, STRANGER = "Mara Lindqvist", "Tom Baker", "Priya Nair", "Sam Stranger"


@contextmanager
def demo_house(folder: Path) -> Iterator[House]:
    """Run a house with the demo world until its first syncs are done."""
    with house(folder) as tree:
        tree.start_sandbox(world="demo", limits="real")
        tree.command("migrate")
        tree.command("seed-demo")
        tree.start_worker()
        tree.start_web()
        _until_synced(tree)
        yield tree


def _until_synced(tree: House) -> None:
    store = open_store(tree.database_url)
    open_syncs = (
        select(func.count())
        .select_from(tables.Sync)
        .where(tables.Sync.state.in_([SyncState.QUEUED, SyncState.RUNNING]))
    )

    def synced() -> bool:
        with store.read() as session:
            return not session.scalar(open_syncs)

    until(synced, why=lambda: tree.log("worker"), seconds=SYNCED_SECONDS)
    store.close()


def sign_in_by_cookie(context: BrowserContext, tree: House, email: str) -> Page:
    """Open a window with the cookie of somebody who signed in before."""
    cookie = member_cookie(tree.url, email)
    context.add_cookies([{"name": USER_COOKIE, "value": cookie, "url": tree.url}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


@dataclass(frozen=True, slots=True)
class Window:
    """One browser window at Relink."""

    house: House
    page: Page

    def open(self, path: str = "/") -> Page:
        """Go to an address of Relink."""
        self.page.goto(f"{self.house.url}{path}")
        return self.page

    def sign_in(self, name: str, path: str = "/") -> Page:
        """Sign in as one of the demo's members, on the way to an address."""
        self.open(path)
        self.page.get_by_role("button", name="Sign in").first.click()
        self.page.get_by_role("button", name=name).click()
        self.page.get_by_text(name).first.wait_for()
        return self.page

    def log_in_to_xero(self, organisation: str) -> None:
        """Go through the sandbox's login and consent pages."""
        self.page.get_by_label("Password").fill("any")
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("radio", name=organisation).check()
        self.page.get_by_role("button", name="Allow access").click()
