"""The wizard's pages around a way to Xero: before it, during it, without the login, and at the end."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from services.admin_changes import latest
from services.store.states import ChangeState
from tests.browser.wizard import around, stories
from tests.browser.wizard.town import AGENT, COLLEAGUE, Town
from tests.browser.wizard.visit import PRIMARY, Visit


def test_before_leaving_it_says_what_the_way_to_xero_will_need(town: Town) -> None:
    _, page = stories.play(town, "before-leaving")
    needs = page.get_by_role("list", name="What you will need").get_by_role("listitem")
    expect(needs).to_contain_text(
        ["Relink's Xero app", "Organisation", "Xero login", "Role in Xero", "Second factor", "Pop-ups"]
    )
    expect(needs.nth(1)).to_contain_text("Choose Sedge Clinic Ltd on Xero's page.")
    expect(needs.nth(2)).to_contain_text("Tom Reid (tom.reid@sedgeclinic.example)")
    expect(page.locator(PRIMARY)).to_have_text(["Reconnect"])


def test_without_the_login_there_are_two_ways(town: Town) -> None:
    visit, page = stories.play(town, "no-login")
    expect(page.get_by_text("Tom Reid can take this step from any browser")).to_be_visible()
    expect(page.get_by_text("So can these admins, with that login")).to_contain_text(COLLEAGUE.email)

    around.person_left(visit)

    expect(page.get_by_text("another Xero user of Thyme Theatre Ltd may reconnect it once")).to_be_visible()
    expect(page.get_by_role("button", name="Ask for a change of Xero admin")).to_be_visible()
    expect(page.locator(PRIMARY)).to_have_text(["Reconnect"])


def test_a_change_of_xero_admin_is_asked_for_approved_elsewhere_and_used_once(town: Town) -> None:
    visit, page = stories.play(town, "change-asked")
    expect(page.get_by_text(f"Why: {around.WHY}")).to_be_visible()
    page.evaluate("window.neverLoadedAgain = true")

    expect(around.decide_on_change(visit).get_by_text(f"Why: {around.WHY}")).to_be_visible()
    around.approve_change(visit)

    assert page.evaluate("window.neverLoadedAgain")
    expect(page.get_by_text(f"{AGENT.email} approved it: {around.HOW_KNOWN}")).to_be_visible()
    expect(page.locator(PRIMARY)).to_have_text(["Reconnect"])

    around.use_change(visit)

    expect(page.get_by_text("as approved another Xero login, Nadia Holt")).to_be_visible()
    assert change_of(visit) is ChangeState.USED
    visit.go_through(town.person("Olga Third", "Umber Paints", visit.shop.organisation))
    expect(page.get_by_role("heading", name="That is another Xero login")).to_be_visible()
    expect_in_history(visit, "Change of Xero admin asked for", "Change of Xero admin approved", "changed")


def change_of(visit: Visit) -> ChangeState | None:
    with visit.town.office.desk.store.read() as session:
        change = latest(session, AGENT, visit.shop.workspace_id)
    return change.state if change else None


def expect_in_history(visit: Visit, *actions: str) -> None:
    history = visit.timeline().get_by_role("list", name="History")
    for action in actions:
        expect(history).to_contain_text(action)


def test_who_is_at_xero_is_helped_there_and_seen_by_a_colleague(town: Town) -> None:
    visit, page = stories.play(town, "at-xero")
    expect(page.get_by_text("You went to Xero")).to_be_visible()
    expect(page.get_by_text("Vine Cellars Ltd is not in Xero's list")).to_be_visible()
    expect(page.locator(PRIMARY)).to_have_text(["Go to Xero again"])

    watching = around.colleague_at_xero(visit)

    expect(watching.get_by_text("amira@fenn.example went to Xero")).to_be_visible()
    expect(watching.locator(PRIMARY)).to_have_count(0)  # taking over is there, and not what to do first
    page.get_by_role("link", name="Go to Xero again").click()
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Cancel").click()
    expect(watching.get_by_role("heading", name="Access was not given")).to_be_visible()


def test_an_attempt_left_behind_is_told_and_gone_on_with(town: Town) -> None:
    _, page = stories.play(town, "left-behind")
    expect(page.get_by_text("You went to Xero 20 minutes ago and did not come back")).to_be_visible()
    expect(page.locator(PRIMARY)).to_have_text(["Reconnect"])


def test_of_several_organisations_one_is_chosen_and_a_sync_proves_it(town: Town) -> None:
    visit, page = stories.play(town, "picker")
    offered = page.get_by_role("radiogroup", name="Organisation").get_by_role("radio")
    expect(offered).to_have_count(2)
    expect(page.locator(PRIMARY)).to_have_text(["Connect this organisation"])
    expect(page.locator(PRIMARY)).to_be_disabled()
    assert town.connection(visit.shop)["organisation_id"] is None

    stories.find("picked")[1].play(visit)

    stored = town.connection(visit.shop)
    assert (stored["organisation_id"], stored["health"]) == (visit.shop.organisation_id, "healthy")
    expect_in_history(visit, "Connected to Fern Hotels Ltd in Xero.")


def test_the_end_shows_what_arrived_what_still_needs_a_person_and_a_summary(town: Town) -> None:
    visit, page = stories.play(town, "reconnected")
    expect(page.locator(PRIMARY)).to_have_text(["Retry 3 exports"])
    expect(page.get_by_text("blocked: fix first").first).to_be_visible()

    around.done(visit)

    expect(page.get_by_text("1 export still needs a person.")).to_be_visible()
    left = page.get_by_role("table", name="Exports that still need a person")
    expect(left).to_contain_text("XERO27")
    expect(left).to_contain_text("Category 999")
    arrived = page.get_by_role("table", name="Exports that arrived in Xero")
    pages = arrived.get_by_role("link", name="EXP-")
    assert pages.all_inner_texts() == ["EXP-004711", "EXP-004712", "EXP-004713"]
    documents = arrived.get_by_role("link", name="in Xero").all()
    assert len(documents) == len(pages.all())
    assert all("xero.com" in str(link.get_attribute("href")) for link in documents)
    assert numbers_in_xero(visit) == ["EXP-004711", "EXP-004712", "EXP-004713"]
    expect_summary(page)


def numbers_in_xero(visit: Visit) -> list[str]:
    return sorted(document["number"] for document in visit.town.office.ledger(visit.shop)["documents"])


def expect_summary(page: Page) -> None:
    page.get_by_text("Summary for the ticket").click()
    for line in ("Workspace Yarrow Books", "Arrived in Xero: 3", "Still needs a person: 1", "- EXP-004714"):
        expect(page.get_by_test_id("stCode")).to_contain_text(line)


def test_one_reconnect_heals_every_workspace_of_the_login(town: Town) -> None:
    visit, page = stories.play(town, "siblings")
    others = page.get_by_role("table", name="Other workspaces of this Xero login")
    expect(others.get_by_text("expired")).to_have_count(2)

    around.siblings_healed(visit)

    expect(others.get_by_role("row").filter(has_text="healthy")).to_have_count(2)
    assert len(town.listed(visit.shop.user)) == 3
