"""The pages around a way to Xero: before leaving, while somebody is there, without the login, and the end."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page
from sqlalchemy import select

from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState
from tests.browser.wizard.town import AGENT, COLLEAGUE, Town
from tests.browser.wizard.visit import Scene, Story, Visit
from tests.integration.office import Shop

WHY = "Tom left on 30 September; I am the Adviser now"
HOW_KNOWN = "Called the owner back on the number we have, ticket 4411"
NEW_ADMIN = "Nadia Holt"
LONG_MS = 60_000


def before_leaving(visit: Visit) -> Page:
    """An admin reads what the way to Xero will need."""
    page = visit.wizard()
    page.get_by_role("list", name="What you will need").wait_for()
    return page


def without_login(visit: Visit) -> Page:
    """The admin does not have the login."""
    page = visit.wizard()
    page.get_by_role("button", name="I don't have that login").click()
    page.get_by_text("can take this step from any browser").wait_for()
    return page


def person_left(visit: Visit) -> Page:
    """Whoever had the login left."""
    visit.page.get_by_role("button", name="That person left").click()
    visit.page.get_by_role("textbox", name="Why can that login not be used?").wait_for()
    return visit.page


# A change of the Xero admin: asked for in one window, approved in another


def ask_for_change(visit: Visit) -> Page:
    """The admin asks for a change of the Xero admin."""
    visit.wizard()
    page = person_left(visit)
    page.get_by_role("textbox", name="Why can that login not be used?").fill(WHY)
    page.get_by_role("button", name="Ask for a change of Xero admin").click()
    page.get_by_role("heading", name="A change of the Xero admin is asked for").wait_for()
    return page


def decide_on_change(visit: Visit) -> Page:
    """Support sees the change on the workspace's page, in another window."""
    page = Visit(visit.town, visit.shop, AGENT).timeline()
    page.get_by_role("button", name="Approve").wait_for()
    return page


def approve_change(visit: Visit) -> Page:
    """Support approves it with a reason; the admin's window, left open, goes on by itself."""
    page = visit.town.window(AGENT)
    page.get_by_role("textbox", name="How do you know").fill(HOW_KNOWN)
    page.get_by_role("button", name="Approve").click()
    visit.page.get_by_role("heading", name="Another Xero login is accepted once").wait_for()
    return visit.page


def use_change(visit: Visit) -> Page:
    """The other Xero user reconnects."""
    user = visit.town.person(NEW_ADMIN, visit.shop.organisation["name"][:-4], visit.shop.organisation)
    page = visit.go_through(user)
    page.get_by_role("heading", name="Xero is connected again").wait_for(timeout=LONG_MS)
    return page


# Somebody is at Xero, or was


def at_xero(visit: Visit) -> Page:
    """The admin went to Xero, and looks at the wizard in the same window."""
    visit.leave()
    page = visit.wizard()
    page.get_by_text("Something is in the way at Xero").click()
    page.get_by_text("Xero shows an error page and no way back").wait_for()
    return page


def colleague_at_xero(visit: Visit) -> Page:
    """A colleague sees who is at Xero."""
    page = Visit(visit.town, visit.shop, COLLEAGUE).wizard()
    page.get_by_role("link", name="Take over").wait_for()
    return page


def left_behind(visit: Visit) -> Page:
    """The admin went to Xero and did not come back in time."""
    visit.leave()
    with visit.town.office.desk.store.begin() as session:
        running = session.scalars(
            select(tables.Reconnect).where(tables.Reconnect.workspace_id == visit.shop.workspace_id)
        ).one()
        running.changed_at = utcnow() - timedelta(minutes=20)
    page = visit.wizard()
    page.get_by_role("heading", name="The last attempt was not finished").wait_for()
    return page


# The end


def with_exports(town: Town, trade: str) -> Shop:
    """A broken workspace in which four exports failed, one of them on an account that Xero does not have."""
    shop = town.working(trade)
    failed = ExportState.FAILED
    ids = town.office.exports(shop, 3, state=failed, code="XERO11")
    ids += town.office.exports(shop, 1, state=failed, code="XERO11", account="999")
    for number, export_id in enumerate(ids, start=4711):
        town.office.change(tables.Export, export_id, number=f"EXP-{number:06}")
    town.office.break_login(shop)
    return shop


def reconnected(visit: Visit) -> Page:
    """The login reconnects, a sync proves it, and what failed is there to be released."""
    page = visit.go_through()
    page.get_by_role("button", name="Retry 3 exports").wait_for(timeout=LONG_MS)
    return page


def done(visit: Visit) -> Page:
    """What failed is released, and the page says what became of it."""
    page = visit.page
    page.get_by_role("button", name="Retry 3 exports").click()
    page.get_by_text("3 exports arrived in Xero.").wait_for(timeout=LONG_MS)
    return page


def of_one_login(town: Town, trade: str) -> Shop:
    """Three workspaces behind one Xero login, which has expired for all of them."""
    shop = town.working(trade)
    others = [town.branch(shop.user, f"{trade} {town_name}") for town_name in ("Leeds", "York")]
    town.office.break_login(shop)
    for other in others:
        town.office.sync(other)
    return shop


def siblings(visit: Visit) -> Page:
    """An admin sees which other workspaces one reconnect will heal."""
    page = visit.wizard()
    page.get_by_role("heading", name="Other workspaces of this Xero login").wait_for()
    return page


def siblings_healed(visit: Visit) -> Page:
    """One reconnect heals them all."""
    page = visit.go_through()
    healthy = page.get_by_role("table", name="Other workspaces").get_by_text("healthy")
    healthy.nth(1).wait_for(timeout=LONG_MS)
    return page


STORIES = (
    Story(trade="Sedge Clinic", scenes=(Scene("before-leaving", before_leaving),)),
    Story(
        trade="Thyme Theatre",
        scenes=(Scene("no-login", without_login), Scene("person-left", person_left)),
    ),
    Story(
        trade="Umber Paints",
        scenes=(
            Scene("change-asked", ask_for_change),
            Scene("change-to-decide", decide_on_change),
            Scene("change-approved", approve_change),
            Scene("change-used", use_change),
        ),
    ),
    Story(
        trade="Vine Cellars",
        scenes=(Scene("at-xero", at_xero), Scene("at-xero-seen-by-a-colleague", colleague_at_xero)),
    ),
    Story(trade="Willow Tours", scenes=(Scene("left-behind", left_behind),)),
    Story(
        trade="Yarrow Books",
        scenes=(Scene("reconnected", reconnected), Scene("done", done)),
        prepare=with_exports,
    ),
    Story(
        trade="Zinnia Florists",
        scenes=(Scene("siblings", siblings), Scene("siblings-healed", siblings_healed)),
        prepare=of_one_login,
    ),
)
