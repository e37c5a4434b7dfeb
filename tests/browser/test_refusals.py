"""Every refusal as people meet it: named on both sides, with a way out, and nothing changed by it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from services.refusals import RefusalKind
from tests.browser.wizard import stories
from tests.browser.wizard.town import ADMIN, Town
from tests.browser.wizard.visit import PRIMARY, Visit
from tests.house import ROOT

UNTOUCHED = "The connection is as it was before."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One refusal: how it comes about, and what stands on the page then."""

    scene: str
    kind: RefusalKind
    title: str
    says: str = UNTOUCHED
    expected: str
    came: str
    way_out: str
    lists: tuple[str, ...] = ()  #: what Xero lists afterwards to whoever logged in
    in_wizard: bool = True  #: else a page of its own, for who may not see the wizard of it


REFUSALS = (
    Row(
        scene="other-organisation",
        kind=RefusalKind.OTHER_ORGANISATION,
        title="That is another organisation",
        expected="Alder Bakery Ltd, by Tom Reid (tom.reid@alderbakery.example)",
        came="Alder Bakery Retail Ltd, by Tom Reid (tom.reid@alderbakery.example)",
        way_out="Reconnect again and choose Alder Bakery Ltd on Xero's page.",
        lists=("Alder Bakery Ltd",),
    ),
    Row(
        scene="other-user",
        kind=RefusalKind.OTHER_USER,
        title="That is another Xero login",
        expected="Birch Dental Ltd, by Tom Reid (tom.reid@birchdental.example)",
        came="Birch Dental Ltd, by Nadia Holt (nadia.holt@birchdental.example)",
        way_out="press That person left beside the button Reconnect",
    ),
    Row(
        scene="wrong-role",
        kind=RefusalKind.WRONG_ROLE,
        title="This login may not connect Cedar Cycles Ltd",
        expected="Cedar Cycles Ltd, by Tom Reid (tom.reid@cedarcycles.example), as Standard or Adviser",
        came="No organisation, by Tom Reid (tom.reid@cedarcycles.example)",
        way_out="Ask an Adviser of Cedar Cycles Ltd to give this login the role Standard or Adviser in Xero",
    ),
    Row(
        scene="no-role",
        kind=RefusalKind.CANCELLED,
        title="Access was not given",
        expected="Rush Interiors Ltd, by Tom Reid (tom.reid@rushinteriors.example)",
        came="No access: Cancel was pressed",
        way_out="the login you used is not Standard or Adviser there",
    ),
    Row(
        scene="cancelled",
        kind=RefusalKind.CANCELLED,
        title="Access was not given",
        expected="Dune Surf Ltd, by Tom Reid (tom.reid@dunesurf.example)",
        came="No access: Cancel was pressed",
        way_out="Reconnect again and press Allow access at the end.",
        lists=("Dune Surf Ltd",),
    ),
    Row(
        scene="no-organisation",
        kind=RefusalKind.NO_ORGANISATION,
        title="No organisation was chosen",
        says="nothing else can stand in for it (XERO84)",
        expected="Elm Marine Ltd, by Tom Reid (tom.reid@elmmarine.example)",
        came="No organisation, by Tom Reid (tom.reid@elmmarine.example)",
        way_out="Reconnect again and choose Elm Marine Ltd.",
        lists=("Elm Marine Boats Ltd",),
    ),
    Row(
        scene="organisation-taken",
        kind=RefusalKind.ORGANISATION_TAKEN,
        title="That organisation belongs to another workspace",
        expected="An organisation that no other workspace is connected to",
        came="Grove Legal Ltd, by Nadia Holt (nadia.holt@grovelegal.example)",
        way_out="choose this workspace's own organisation",
    ),
    Row(
        scene="scope-missing",
        kind=RefusalKind.SCOPE_MISSING,
        title="Xero gave fewer permissions than exports need",
        expected="Heath Foods Ltd, with every permission on Xero's page",
        came="Access without bills and invoices (accounting.invoices)",
        way_out="Reconnect again and allow everything that Xero's page lists.",
        lists=("Heath Foods Ltd",),
    ),
    Row(
        scene="too-late",
        kind=RefusalKind.TOO_LATE,
        title="The way back from Xero took too long",
        expected="A return within 15 minutes",
        came="A return that had expired",
        way_out="have the Xero login and its second factor at hand",
        lists=("Ivy Films Ltd",),
    ),
    Row(
        scene="other-browser",
        kind=RefusalKind.FOREIGN_STATE,
        title="This reconnect was started elsewhere",
        expected="a•••@fenn.example, in the browser that left for Xero",
        came="a•••@fenn.example, in this browser",
        way_out="Go on in that browser, or open the workspace and press Reconnect here.",
        lists=("Juniper Labs Ltd",),
        in_wizard=False,
    ),
    Row(
        scene="unknown-return",
        kind=RefusalKind.UNKNOWN_STATE,
        title="This return from Xero belongs to nothing here",
        expected="A reconnect started in this Relink",
        came="A return that nobody here asked for",
        way_out="Open the workspace and press Reconnect.",
        in_wizard=False,
    ),
    Row(
        scene="used-twice",
        kind=RefusalKind.USED_STATE,
        title="This return from Xero was used already",
        says="Nothing was changed by loading it again.",
        expected="One return for each way to Xero",
        came="The same return once more, by a•••@fenn.example",
        way_out="Open the workspace's page: it shows how the reconnect went.",
        lists=("Larch Timber Ltd",),
        in_wizard=False,
    ),
    Row(
        scene="taken-over",
        kind=RefusalKind.TAKEN_OVER,
        title="Somebody else went on with this reconnect",
        expected="A return of b•••@fenn.example",
        came="A return of a•••@fenn.example",
        way_out="Watch on the workspace's page how it goes, or take over there in turn.",
        lists=("Maple Motors Ltd",),
        in_wizard=False,
    ),
    Row(
        scene="code-used",
        kind=RefusalKind.CODE_USED,
        title="Xero's answer could not be used",
        expected="A fresh code for Nettle Teas Ltd",
        came="A code that Xero no longer accepts",
        way_out="Do not reload Xero's page on the way back.",
        lists=("Nettle Teas Ltd",),
    ),
    Row(
        scene="xero-down",
        kind=RefusalKind.XERO_DOWN,
        title="Xero did not answer",
        expected="Oak Print Ltd, by Tom Reid (tom.reid@oakprint.example)",
        came="No usable answer from Xero",
        way_out="Wait a few minutes and reconnect again. Nothing is lost meanwhile.",
        lists=("Oak Print Ltd",),
    ),
    Row(
        scene="login-service-down",
        kind=RefusalKind.XERO_DOWN,
        title="Xero did not answer",
        expected="Poplar Games Ltd, by Tom Reid (tom.reid@poplargames.example)",
        came="No usable answer from Xero",
        way_out="Wait a few minutes and reconnect again. Nothing is lost meanwhile.",
        lists=("Poplar Games Ltd",),
    ),
    Row(
        scene="app-misconfigured",
        kind=RefusalKind.APP_MISCONFIGURED,
        title="Xero refuses Relink's own app",
        expected="Quince Audio Ltd, by Tom Reid (tom.reid@quinceaudio.example)",
        came="A refusal of Relink's app, whatever the login",
        way_out="Tell the people who run Relink",
        lists=("Quince Audio Ltd",),
    ),
)


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row.scene)
def test_a_return_that_is_not_accepted_says_why_and_changes_nothing(town: Town, row: Row) -> None:
    visit = stories.arrive(town, row.scene)
    before = town.connection(visit.shop)

    page = stories.find(row.scene)[1].play(visit)

    title = page.get_by_role("heading", name=row.title, exact=True)
    expect(title).to_be_visible()
    said = page.locator("section, main").filter(has=title).last
    expect(said).to_contain_text(row.says)
    expect(side(said, "Expected")).to_have_text(row.expected)
    expect(side(said, "Came back")).to_have_text(row.came)
    expect(said.get_by_text("What to do:").locator("..")).to_contain_text(row.way_out)
    expect_one_way_on(page, in_wizard=row.in_wizard)
    town.calm()
    assert town.connection(visit.shop) == before
    if visit.xero_user:
        assert town.listed(visit.xero_user) == list(row.lists)
        expect_in_timeline(visit, row)


def side(said: Locator, name: str) -> Locator:
    return said.locator("dt", has_text=name).locator("xpath=following-sibling::dd[1]")


def expect_one_way_on(page: Page, *, in_wizard: bool) -> None:
    if in_wizard:
        expect(page.locator(PRIMARY)).to_have_text(["Reconnect"])
    else:
        expect(page.get_by_role("link", name="Go to your workspaces")).to_be_visible()


def expect_in_timeline(visit: Visit, row: Row) -> None:
    latest = visit.timeline().get_by_role("list", name="History").get_by_role("listitem").first
    expect(latest).to_contain_text(f"Reconnect refused {ADMIN.email}")
    expect(latest).to_contain_text(f"{row.title}.")
    assert visit.town.history(visit.shop)[0].data["refusal"] == row.kind


def test_every_kind_of_refusal_stands_in_the_table() -> None:
    assert {row.kind for row in REFUSALS} == set(RefusalKind)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_scene_has_its_picture_in_the_documentation(look: str) -> None:
    pictures = {path.name for path in (ROOT / "docs" / "screenshots" / "wizard").iterdir()}
    scenes = [scene.name for story in stories.STORIES for scene in story.scenes]
    assert [name for name in scenes if f"{name}-{look}.png" not in pictures] == []
