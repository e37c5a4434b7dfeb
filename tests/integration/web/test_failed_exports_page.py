"""Failed exports: what is selected is what is planned, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from dashboard import navigation
from services import plans
from services.desk import Desk
from services.members import Member
from services.store import tables
from services.store.states import ExportState, Role
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, select_rows, text_of

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


def planned(desk: Desk) -> list[str]:
    """Return the numbers of the exports in the only plan there is."""
    with desk.store.read() as session:
        (plan,) = session.query(tables.RetryPlan).all()
        rows, _ = plans.items(session, AGENT, plan.id)
    return [row.number for row in rows]


def test_only_the_selected_exports_are_planned(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    select_rows(app, "exports", [1])
    app.run()

    app.button(key="exports-plan").click().run()

    assert planned(desk) == ["EXP-000002"]


def test_a_selection_does_not_pass_to_rows_that_appear_in_its_place(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    select_rows(app, "exports", [0])
    app.run()
    with desk.store.begin() as session:
        older = session.get_one(tables.Export, 1).approved_at.replace(year=2020)
        world.add_export(session, world.HEALTHY, 99, approved_at=older)

    app.run()

    assert app.button(key="exports-plan").label == "Plan a retry of 4 exports", "nothing is selected any more"


def test_without_a_selection_all_that_match_are_planned_on_every_page(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        for number in range(200, 260):
            world.add_export(session, world.HEALTHY, number)
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="exports-plan").click().run()

    with desk.store.read() as session:
        (plan,) = session.query(tables.RetryPlan).all()
        assert plans.view(session, AGENT, plan.id).total == 63


def test_the_code_buttons_narrow_what_is_planned(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        world.add_export(session, world.HEALTHY, 50, code="XERO27")
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="code-XERO27").click().run()
    app.button(key="exports-plan").click().run()

    assert planned(desk) == ["EXP-000050"]


def test_delivered_exports_are_not_among_them(open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    assert not app.dataframe[0].value["Export"].str.endswith("#EXP-000010").any()


def test_with_nothing_left_it_says_so(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        for export in session.query(tables.Export):
            export.state = ExportState.DELIVERED

    assert "Nothing waits" in text_of(open_page(navigation.FAILED_EXPORTS, world.AGENT))


def test_delivered_exports_are_found_with_what_is_paid_and_nothing_to_press(
    desk: Desk, open_page: OpenPage
) -> None:
    with desk.store.begin() as session:
        paid = world.add_export(session, world.HEALTHY, 11, state=ExportState.DELIVERED)
        export = session.get_one(tables.Export, paid)
        export.paid_at, export.code, export.message = datetime(2026, 11, 3, tzinfo=UTC), "XERO11", "Expired."
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="state-delivered").click().run()

    rows = app.dataframe[0].value
    rows = rows.set_index(rows["Export"].str.partition("#")[2])
    assert rows.loc["EXP-000010", "State"] == "● delivered"
    assert rows.loc["EXP-000011", "State"] == "● delivered, paid in Xero 3 Nov 2026"
    assert rows.loc["EXP-000011", "What is wrong"] == ""
    assert "exports-plan" not in [button.key for button in app.button]
