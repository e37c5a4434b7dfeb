"""A town of workspaces for the wizard: one a story, so that no story disturbs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from sqlalchemy import inspect

from services import audit, finding, members, notices
from services.members import Member
from services.store import tables
from services.store.engine import open_store
from services.store.migrate import migrate
from services.store.states import Role
from tests.browser.desk import sign_in_by_cookie
from tests.house import House, house
from tests.integration.office import Office, Shop
from tests.integration.sandbox.driver import CLIENT, drive

ADMIN = Member("amira@fenn.example", "Amira Khan", Role.ADMIN)
COLLEAGUE = Member("ben@fenn.example", "Ben Okafor", Role.ADMIN)
AGENT = Member("mara.lindqvist@relink.example", "Mara Lindqvist", Role.AGENT)

WIDTH, HEIGHT = 1280, 900


@dataclass(slots=True)
class Town:
    """A running house, the hands to arrange it, and one signed-in window a member."""

    house: House
    office: Office
    browser: Browser
    shops: dict[str, Shop] = field(default_factory=dict)  #: by trade
    windows: dict[tuple[Member, bool], Page] = field(default_factory=dict)

    # Arranging, before anybody works here

    def working(self, trade: str) -> Shop:
        """Open a workspace whose connection works, set up by Tom Reid."""
        return self.branch(self.person("Tom Reid", trade), trade)

    def broken(self, trade: str) -> Shop:
        """Open a workspace whose Xero login has expired, as a sync found out."""
        shop = self.working(trade)
        self.office.break_login(shop)
        return shop

    def never_connected(self, trade: str) -> Shop:
        """Open a workspace that never had an organisation."""
        shop = self.working(trade)
        self.office.disown(shop)
        return shop

    def branch(self, user: Mapping[str, Any], trade: str) -> Shop:
        """Open a workspace behind a Xero login that may stand behind others."""
        shop = self.office.branch(user, name=f"{trade} Ltd")
        with self.office.desk.store.begin() as session:
            workspace = session.get_one(tables.Workspace, shop.workspace_id)
            workspace.name, workspace.owner_email = trade, address("owner", trade)
            workspace.search_text = finding.search_text(
                workspace_id=workspace.id,
                name=trade,
                owner_email=workspace.owner_email,
                organisation_name=f"{trade} Ltd",
            )
            session.add(tables.WorkspaceAdmin(workspace_id=shop.workspace_id, email=COLLEAGUE.email))
        return shop

    def person(self, name: str, trade: str, *advises: Mapping[str, Any]) -> dict[str, Any]:
        """Create a Xero login that is Adviser in these organisations."""
        given, family = name.split()
        return self.office.xero.user(
            {organisation["id"]: "Adviser" for organisation in advises},
            email=address(name, trade),
            given_name=given,
            family_name=family,
        )

    def advise(self, user: Mapping[str, Any], organisation: Mapping[str, Any], role: str = "Adviser") -> None:
        """Give a Xero login a role in an organisation."""
        path = f"/users/{user['id']}/roles"
        self.office.xero.control("PUT", path, organisation=organisation["id"], role=role)

    # People at their windows

    def window(self, member: Member, *, elsewhere: bool = False) -> Page:
        """Return the member's window, signed in, or their window on another machine."""
        if (member, elsewhere) not in self.windows:
            self.windows[member, elsewhere] = self._open_window(member)
        return self.windows[member, elsewhere]

    def _open_window(self, member: Member) -> Page:
        context = self.browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-GB")
        return sign_in_by_cookie(context, self.house, member.email)

    # Looking

    def listed(self, user: Mapping[str, Any]) -> list[str]:
        """Return the organisations that Xero lists to a login for our app, by name."""
        granted = self.office.xero.grant(dict(user))
        return sorted(connection["tenantName"] for connection in granted["connections"])

    def connection(self, shop: Shop) -> dict[str, Any]:
        """Return every column of the workspace's connection."""
        row = self.office.connection(shop)
        return {column.key: getattr(row, column.key) for column in inspect(tables.Connection).column_attrs}

    def history(self, shop: Shop) -> list[audit.Entry]:
        """Return the history of the workspace, newest first."""
        with self.office.desk.store.read() as session:
            return audit.history(session, shop.workspace_id)

    # Xero misbehaving

    @contextmanager
    def app_refused(self) -> Iterator[None]:
        """Have the secret of our app changed at Xero for a while."""
        known = {"name": "Relink", "redirect_uris": [f"{self.house.url}/connect/xero/callback"]}
        path = f"/apps/{CLIENT[0]}"
        self.office.xero.control("PUT", path, client_secret="rotated-at-xero-alone", **known)
        try:
            yield
        finally:
            self.office.xero.control("PUT", path, client_secret=CLIENT[1], **known)

    def calm(self) -> None:
        """Mend whatever a story broke for everybody."""
        self.office.xero.control("DELETE", "/faults")
        self.office.xero.control("PUT", "/maintenance", mode="none")
        with self.office.desk.store.begin() as session:
            notices.clear(session, notices.APP_MISCONFIGURED)


def address(name: str, trade: str) -> str:
    """Return somebody's e-mail address at a firm."""
    return f"{name.lower().replace(' ', '.')}@{trade.lower().replace(' ', '')}.example"


@contextmanager
def open_town(folder: Path, browser: Browser, build: Callable[[Town], None]) -> Iterator[Town]:
    """Open a town that `build` has filled; only then do its worker and its pages start.

    A worker would sync what is still being built.
    """
    with house(folder) as tree:
        tree.start_sandbox()
        store = open_store(tree.database_url)
        migrate(store)
        store.close()
        with drive(tree.sandbox_url) as xero:
            office = Office.open(tree.database_url, xero, key=tree.secrets["RELINK_ENCRYPTION_KEYS"])
            _staff(office)
            town = Town(tree, office, browser)
            build(town)
            tree.start_worker()
            tree.start_web()
            yield town
            for page in town.windows.values():
                page.context.close()
            office.desk.store.close()


def _staff(office: Office) -> None:
    office.agent, office.admin = AGENT, ADMIN
    office.staff()
    with office.desk.store.begin() as session:
        members.add(session, email=COLLEAGUE.email, name=COLLEAGUE.name, role=COLLEAGUE.role)
