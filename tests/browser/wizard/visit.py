"""One member's window on the reconnect of one workspace: out to Xero, through its pages, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page
from sqlalchemy import select

from services.members import Member
from services.store import tables
from tests.browser.wizard.town import ADMIN, Town
from tests.integration.office import Shop

PRIMARY = ".rl-button:not(.rl-quiet), [data-testid=stBaseButton-primary]"  # what a page asks one to do
XERO_LOGIN = "sandbox_login"  # the cookie of the sandbox's login page


@dataclass(slots=True)
class Visit:
    """A member at a workspace's reconnect."""

    town: Town
    shop: Shop
    member: Member = ADMIN
    xero_user: Mapping[str, Any] = field(default_factory=dict)  #: who logged in at Xero last
    back: str = ""  #: the address that leads back with Xero's answer, where that was held

    @property
    def page(self) -> Page:
        """The member's window."""
        return self.town.window(self.member)

    def go(self, path: str, page: Page | None = None) -> Page:
        """Open an address of Relink, in this window unless told otherwise."""
        shown = page or self.page
        shown.goto(f"{self.town.house.url}{path}")
        return shown

    def wizard(self) -> Page:
        """Open the workspace's wizard."""
        page = self.go(f"/reconnect?workspace={self.shop.workspace_id}")
        page.get_by_role("heading", name="Retry the sync or export").wait_for()
        return page

    def timeline(self) -> Page:
        """Open the workspace's page, which ends with its history."""
        page = self.go(f"/workspace?id={self.shop.workspace_id}")
        page.get_by_role("list", name="History").wait_for()
        return page

    # At Xero

    def leave(self) -> Page:
        """Go to Xero's login page, by the address behind Reconnect."""
        self.page.context.clear_cookies(name=XERO_LOGIN)
        return self.go(f"/connect/xero?workspace={self.shop.workspace_id}")

    def log_in(self, user: Mapping[str, Any] | None = None) -> Page:
        """Log in at Xero, as whoever set the connection up unless told otherwise."""
        self.xero_user = user or self.shop.user
        self.page.get_by_label("Email address").fill(self.xero_user["email"])
        self.page.get_by_label("Password").fill("any")
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("button", name="Cancel").wait_for()
        return self.page

    def allow(self, organisation: Mapping[str, Any] | None = None) -> Page:
        """Allow access to an organisation, the workspace's own unless told otherwise."""
        name = (organisation or self.shop.organisation)["name"]
        self.page.get_by_role("radio", name=name, exact=True).check()
        self.page.get_by_role("button", name="Allow access").click()
        return self.page

    def allow_and_hold(self, organisation: Mapping[str, Any] | None = None) -> None:
        """Allow access and hold Xero's answer: the browser is not sent back with it yet."""
        chosen = (organisation or self.shop.organisation)["id"]
        form = {"decision": "allow", "organisation": chosen}
        answer = self.page.request.post(self.page.url, form=form, max_redirects=0)
        location = str(answer.headers["location"])
        self.back = location[location.index("/connect/xero/callback") :]

    def come_back(self) -> Page:
        """Take the way back that was held."""
        return self.go(self.back)

    def go_through(
        self, user: Mapping[str, Any] | None = None, organisation: Mapping[str, Any] | None = None
    ) -> Page:
        """Leave, log in, allow access, and come back."""
        self.leave()
        self.log_in(user)
        return self.allow(organisation)

    def go_there(self) -> None:
        """Leave, log in and allow access; the way back is not taken yet."""
        self.leave()
        self.log_in()
        self.allow_and_hold()

    # What only the store can be made to do

    def consent(self) -> tables.Consent:
        """Return what is stored of the latest way to Xero for this workspace."""
        with self.town.office.desk.store.read() as session:
            return session.scalars(
                select(tables.Consent)
                .join(tables.Reconnect, tables.Reconnect.id == tables.Consent.reconnect_id)
                .where(tables.Reconnect.workspace_id == self.shop.workspace_id)
                .order_by(tables.Consent.expires_at.desc())
            ).all()[0]

    def change_consent(self, **values: Any) -> None:
        """Change what is stored of the latest way to Xero."""
        self.town.office.change(tables.Consent, self.consent().state_hash, **values)


Prepare = Callable[[Town, str], Shop]


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment worth a picture: `play` brings it about and returns the window that shows it."""

    name: str
    play: Callable[[Visit], Page]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A workspace of its own, and the scenes that are played at it, in their order."""

    trade: str
    scenes: tuple[Scene, ...]
    prepare: Prepare = Town.broken
