"""Every way in which a return from Xero is not accepted, as it happens to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page

from services.store.engine import utcnow
from tests.browser.wizard.town import ADMIN, COLLEAGUE, Town
from tests.browser.wizard.visit import Prepare, Scene, Story, Visit
from tests.integration.office import Shop


def story(name: str, trade: str, play: Callable[[Visit], Page], prepare: Prepare = Town.broken) -> Story:
    """Return a story of one scene."""
    return Story(trade=trade, scenes=(Scene(name, play),), prepare=prepare)


def other_organisation(visit: Visit) -> Page:
    """The right login chooses another of its organisations."""
    other = visit.town.office.xero.organisation(name="Alder Bakery Retail Ltd")
    visit.town.advise(visit.shop.user, other)
    return visit.go_through(organisation=other)


def other_user(visit: Visit) -> Page:
    """Somebody else of the same organisation logs in."""
    return visit.go_through(visit.town.person("Nadia Holt", "Birch Dental", visit.shop.organisation))


def wrong_role(visit: Visit) -> Page:
    """The login may no longer connect the organisation."""
    visit.go_there()
    visit.town.advise(visit.shop.user, visit.shop.organisation, "ReadOnly")
    return visit.come_back()


def no_role_at_xero(visit: Visit) -> Page:
    """Somebody without the needed role logs in, and Xero has nothing to offer them."""
    visit.leave()
    user = visit.town.person("Nadia Holt", "Rush Interiors")
    visit.town.advise(user, visit.shop.organisation, "InvoiceOnly")
    return visit.log_in(user)


def back_from_no_role(visit: Visit) -> Page:
    """The one way on from there is Cancel."""
    visit.page.get_by_role("button", name="Cancel").click()
    return visit.page


def cancelled(visit: Visit) -> Page:
    """Cancel is pressed at Xero."""
    visit.leave()
    visit.log_in()
    visit.page.get_by_role("button", name="Cancel").click()
    return visit.page


def two_organisations(town: Town, trade: str) -> Shop:
    """A broken workspace whose login stands behind another workspace too."""
    shop = town.working(trade)
    town.branch(shop.user, f"{trade} Boats")
    town.office.break_login(shop)
    return shop


def no_organisation(visit: Visit) -> Page:
    """Xero lets the login go on with another organisation that was connected long before."""
    visit.go_there()
    visit.town.office.disconnect(visit.shop)
    _left_later(visit)
    return visit.come_back()


def several(visit: Visit) -> Page:
    """Xero lists two organisations of long before and does not say which was chosen just now."""
    other = visit.town.office.xero.organisation(name="Fern Hotels Ireland Ltd")
    visit.town.advise(visit.shop.user, other)
    visit.go_there()
    scopes = list(visit.town.office.desk.app.scopes)
    visit.town.office.xero.grant(dict(visit.shop.user), dict(visit.shop.organisation), other, scopes=scopes)
    _left_later(visit)
    return visit.come_back()


def choose_one(visit: Visit) -> Page:
    """One of the organisations is chosen, and a sync proves it."""
    visit.page.get_by_role("radio", name="Fern Hotels Ltd", exact=True).check(force=True)
    visit.page.get_by_role("button", name="Connect this organisation").click()
    visit.page.get_by_text("This connection works").wait_for()
    return visit.page


def next_door(town: Town, trade: str) -> Shop:
    """A workspace without an organisation, beside one that has one."""
    town.shops["Grove Legal"] = town.working("Grove Legal")
    return town.never_connected(trade)


def organisation_taken(visit: Visit) -> Page:
    """The organisation of another workspace is chosen."""
    taken = visit.town.shops["Grove Legal"].organisation
    return visit.go_through(visit.town.person("Nadia Holt", "Grove Legal", taken), taken)


def scope_missing(visit: Visit) -> Page:
    """Xero gives a permission less than it was asked for."""
    visit.go_there()
    path = f"/users/{visit.shop.user['id']}/scopes/remove"
    visit.town.office.xero.control("POST", path, scope="accounting.invoices")
    return visit.come_back()


def too_late(visit: Visit) -> Page:
    """Somebody comes back after the quarter of an hour."""
    visit.leave()
    visit.log_in()
    visit.change_consent(expires_at=utcnow() - timedelta(minutes=1))
    return visit.allow()


def foreign(visit: Visit) -> Page:
    """The way back is opened in another browser."""
    visit.go_there()
    return visit.go(visit.back, visit.town.window(ADMIN, elsewhere=True))


def unknown(visit: Visit) -> Page:
    """Somebody is sent a way back that nobody here asked for."""
    return visit.go("/connect/xero/callback?code=stolen&state=made-up")


def accepted(visit: Visit) -> Page:
    """The same login allows access to the same organisation, and a sync proves it."""
    visit.go_there()
    page = visit.come_back()
    page.get_by_role("heading", name="Xero is connected again").wait_for()
    return page


def used_twice(visit: Visit) -> Page:
    """The way back is loaded once more."""
    return visit.come_back()


def taken_over(visit: Visit) -> Page:
    """A colleague takes over while somebody is at Xero, who then comes back."""
    visit.go_there()
    colleague = Visit(visit.town, visit.shop, COLLEAGUE)
    colleague.wizard().get_by_role("link", name="Take over").click()
    colleague.page.get_by_role("heading", name="Log in to Xero").wait_for()
    return visit.come_back()


def code_used(visit: Visit) -> Page:
    """The code of the way back was exchanged already."""
    visit.go_there()
    office, verifier = visit.town.office, visit.consent().code_verifier
    office.xero.exchange(
        visit.back.partition("code=")[2].partition("&")[0],
        code_verifier=office.desk.vault.open(verifier),
        redirect_uri=f"{visit.town.house.url}/connect/xero/callback",
    )
    return visit.come_back()


def api_down(visit: Visit) -> Page:
    """Xero's API is down when the access is checked."""
    visit.go_there()
    visit.town.office.xero.control("PUT", "/maintenance", mode="maintenance")
    return visit.come_back()


def login_service_down(visit: Visit) -> Page:
    """Xero's login service is down when the code is exchanged."""
    visit.go_there()
    visit.town.office.xero.control("POST", "/faults", path="/connect/token", status=503)
    return visit.come_back()


def app_misconfigured(visit: Visit) -> Page:
    """Xero does not know the secret of our app any more."""
    visit.go_there()
    with visit.town.app_refused():
        return visit.come_back()


def _left_later(visit: Visit) -> None:
    """Have left ten minutes later than in truth: what was connected just now counts as from long before."""
    visit.change_consent(expires_at=visit.consent().expires_at + timedelta(minutes=10))


STORIES = (
    story("other-organisation", "Alder Bakery", other_organisation),
    story("other-user", "Birch Dental", other_user),
    story("wrong-role", "Cedar Cycles", wrong_role),
    Story(
        trade="Rush Interiors",
        scenes=(Scene("no-role-at-xero", no_role_at_xero), Scene("no-role", back_from_no_role)),
    ),
    story("cancelled", "Dune Surf", cancelled),
    story("no-organisation", "Elm Marine", no_organisation, prepare=two_organisations),
    Story(
        trade="Fern Hotels",
        scenes=(Scene("picker", several), Scene("picked", choose_one)),
        prepare=Town.never_connected,
    ),
    story("organisation-taken", "Gorse Legal", organisation_taken, prepare=next_door),
    story("scope-missing", "Heath Foods", scope_missing),
    story("too-late", "Ivy Films", too_late),
    story("other-browser", "Juniper Labs", foreign),
    story("unknown-return", "Kelp Sailing", unknown),
    Story(trade="Larch Timber", scenes=(Scene("accepted", accepted), Scene("used-twice", used_twice))),
    story("taken-over", "Maple Motors", taken_over),
    story("code-used", "Nettle Teas", code_used),
    story("xero-down", "Oak Print", api_down),
    story("login-service-down", "Poplar Games", login_service_down),
    story("app-misconfigured", "Quince Audio", app_misconfigured),
)
