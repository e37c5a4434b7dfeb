"""The list of workspaces: who is broken, found from whatever a ticket holds."""

from __future__ import annotations

from dashboard import navigation
from services import syncs
from services.desk import Desk
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of


def test_an_agent_sees_broken_workspaces_with_their_age_and_what_waits(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.WORKSPACES, world.AGENT))

    assert "Harbour &amp; Finch" in shown
    assert "expired" in shown
    assert "XERO11" in shown
    assert "verified 4 minutes ago" in shown
    assert "3 exports" in shown
    assert "GBP 3,619.50" in shown
    assert shown.index("Harbour &amp; Finch") < shown.index("Northwind Roasters"), "trouble comes first"


def test_a_workspace_whose_sync_is_under_way_says_so_in_place_of_its_age(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        syncs.enqueue(session, world.BROKEN, requested_by=world.AGENT)

    shown = text_of(open_page(navigation.WORKSPACES, world.AGENT))

    rows = {name: shown.partition(name)[2].partition("</tr>")[0] for name in ("Harbour", "Northwind")}
    assert '<span class="rl-second">syncing</span>' in rows["Harbour"]
    assert "verified" not in rows["Harbour"]
    assert "verified 4 minutes ago" in rows["Northwind"]
    assert "syncing" not in rows["Northwind"]


def test_the_search_finds_a_workspace_by_its_id(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACES, world.AGENT)

    app.text_input(key="find").set_value(world.HEALTHY.lower()).run()

    assert "Northwind Roasters" in text_of(app)
    assert "Harbour" not in text_of(app)


def test_a_health_button_narrows_the_list_and_writes_the_address(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACES, world.AGENT)

    app.button(key="health-healthy").click().run()

    assert app.query_params["health"] == "healthy"
    assert "Northwind Roasters" in text_of(app)
    assert "Harbour" not in text_of(app)


def test_an_address_with_a_word_that_is_no_health_shows_everything(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.WORKSPACES, world.AGENT, health="<script>"))

    assert "Harbour &amp; Finch" in shown


def test_an_admin_sees_only_the_workspaces_of_their_own(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.WORKSPACES, world.ADMIN))

    assert "Harbour &amp; Finch" in shown
    assert world.FOREIGN not in shown


def test_a_name_with_markup_in_it_is_shown_as_written(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.WORKSPACES, world.AGENT))

    assert "&lt;img src=x onerror=alert(1)&gt; **bold**" in shown
    assert "<img" not in shown


def test_a_search_without_a_match_says_what_to_do(open_page: OpenPage) -> None:
    app = open_page(navigation.WORKSPACES, world.AGENT)

    app.text_input(key="find").set_value("nobody has this name").run()

    assert "No workspace matches" in text_of(app)
