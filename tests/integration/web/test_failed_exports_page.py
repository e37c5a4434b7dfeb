"""Failed exports: what is selected is what is planned, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from services import closing, plans
from services.desk import Desk
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, Role
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


def test_a_tick_stays_with_its_export_when_other_rows_appear_in_its_place(
    desk: Desk, open_page: OpenPage
) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    select_rows(app, "exports", [0])
    app.run()
    with desk.store.begin() as session:
        older = session.get_one(tables.Export, 1).approved_at.replace(year=2020)
        world.add_export(session, world.HEALTHY, 99, approved_at=older)

    app.run()
    app.button(key="exports-plan").click().run()

    assert planned(desk) == ["EXP-000001"]


def turn(app: AppTest, page: int) -> None:
    """Turn to a page of the list."""
    app.pagination[0].set_value(page).run()


@pytest.fixture
def long(desk: Desk) -> None:
    """A list of two pages."""
    with desk.store.begin() as session:
        for number in range(200, 260):
            world.add_export(session, world.HEALTHY, number)


def test_what_was_set_aside_is_found_again_to_be_taken_back(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        closing.set_aside(session, AGENT, 1, "Approved twice.")
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="state-set aside").click().run()

    (export,) = app.dataframe[0].value["Export"]
    assert export.endswith("#EXP-000001")


@pytest.mark.usefixtures("long")
def test_a_plan_opens_on_its_own_first_page_whatever_page_it_was_planned_from(open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    turn(app, 2)

    app.button(key="exports-plan-all").click().run()

    assert app.title[0].value.startswith("Retry")
    assert app.pagination[0].value == 1


@pytest.mark.usefixtures("long")
def test_ticks_stay_over_pages_and_are_counted_and_planned(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    select_rows(app, "exports", [0, 2])
    app.run()
    turn(app, 2)
    select_rows(app, "exports", [1])
    app.run()
    assert "3 selected on 2 pages" in captions(app)
    turn(app, 1)
    assert ticked(app) == [0, 2]
    select_rows(app, "exports", [2])  # one is unticked again
    app.run()
    assert "2 selected on 2 pages" in captions(app)

    app.button(key="exports-plan").click().run()

    assert planned(desk) == ["EXP-000003", "EXP-000248"]
    app.switch_page(f"../pages/{navigation.FAILED_EXPORTS.script}").run()
    assert "exports-none" not in keys(app), "the plan holds what was ticked, nothing is ticked any more"


@pytest.mark.usefixtures("long")
def test_a_page_is_ticked_and_everything_unticked_with_one_press(open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    app.button(key="exports-page").click().run()
    assert len(ticked(app)) == 50
    assert app.button(key="exports-plan").label == "Plan a retry of 50 exports"
    assert app.button(key="exports-plan-all").label == "Plan a retry of all 63 that match"
    assert "exports-page" not in keys(app), "there is nothing left to tick on it"

    app.button(key="exports-none").click().run()

    assert ticked(app) == []
    assert "exports-plan" not in keys(app)


@pytest.mark.usefixtures("long")
def test_ticks_stay_when_the_filter_changes_and_the_page_says_so(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)
    select_rows(app, "exports", [0])
    app.run()
    app.text_input(key="find").set_value("EXP-000201").run()
    select_rows(app, "exports", [0])
    app.run()
    assert "2 selected, 1 of them with another filter" in captions(app)

    app.button(key="exports-plan").click().run()

    assert planned(desk) == ["EXP-000001", "EXP-000201"]


def test_a_link_narrows_to_what_it_names_and_the_name_takes_it_away(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        world.add_export(session, world.HEALTHY, 50)
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT, workspace=world.HEALTHY)
    assert shown(app) == ["EXP-000050"]
    assert app.button(key="drop-workspace").label == "Workspace: Northwind Roasters"

    app.button(key="drop-workspace").click().run()

    assert shown(app) == ["EXP-000001", "EXP-000002", "EXP-000003", "EXP-000050"]
    assert "narrowed" not in keys(app)


def test_a_link_to_somebody_elses_workspace_does_not_name_it(open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.ADMIN, workspace=world.FOREIGN)
    label = app.button(key="drop-workspace").label
    assert label == f"Workspace: none of yours with the id {world.FOREIGN}"
    assert "No export matches" in text_of(app)


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"incident": f"incident-{world.BROKEN}"}, ["EXP-000001", "EXP-000002", "EXP-000003"]),
        ({"organisation": f"org-{world.HEALTHY}"}, ["EXP-000050"]),
        ({"cause": "expired"}, ["EXP-000001", "EXP-000002", "EXP-000003"]),
        ({"type": "bank transaction"}, ["EXP-000050"]),
        ({"report": "R000002"}, ["EXP-000002"]),
        ({"from": "1206.50", "to": "1207"}, ["EXP-000002"]),
        ({"older": "2"}, ["EXP-000050"]),
        ({"newer": "1", "code": "XERO11"}, ["EXP-000001", "EXP-000002", "EXP-000003"]),
    ],
)
def test_the_address_carries_every_filter_and_clear_takes_all_away(
    desk: Desk, open_page: OpenPage, query: dict[str, str], numbers: list[str]
) -> None:
    with desk.store.begin() as session:
        other = session.get_one(tables.Export, world.add_export(session, world.HEALTHY, 50, code="XERO27"))
        other.kind, other.failed_at = ExportKind.BANK_TRANSACTION, utcnow() - timedelta(days=5)
    every = ["EXP-000001", "EXP-000002", "EXP-000003", "EXP-000050"]
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT, **query)
    assert shown(app) == numbers

    app.button(key="clear-filters").click().run()

    assert shown(app) == every


def test_an_address_that_asks_for_nonsense_narrows_nothing(open_page: OpenPage) -> None:
    nonsense = {"from": "abc", "to": "1e400", "older": "-3", "newer": "9" * 30, "type": "cheque", "page": "x"}
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT, **nonsense)
    assert shown(app) == ["EXP-000001", "EXP-000002", "EXP-000003"]


@pytest.mark.parametrize("nonsense", ["inf", "-inf", "nan", "1e400"])
def test_a_number_without_an_end_in_the_address_narrows_nothing(open_page: OpenPage, nonsense: str) -> None:
    wanted = dict.fromkeys(("from", "to", "older", "newer"), nonsense)
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT, **wanted)
    assert not app.exception
    assert shown(app) == ["EXP-000001", "EXP-000002", "EXP-000003"]


def test_a_page_number_of_thousands_of_digits_leads_to_the_first_page(open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT, page="1" * 5_000)
    assert shown(app) == ["EXP-000001", "EXP-000002", "EXP-000003"]


def shown(app: AppTest) -> list[str]:
    """Return the numbers of the exports that are listed."""
    return [link.partition("#")[2] for link in app.dataframe[0].value["Export"]]


def captions(app: AppTest) -> list[str]:
    return [caption.value for caption in app.caption]


def keys(app: AppTest) -> list[str | None]:
    return [button.key for button in app.button]


def ticked(app: AppTest) -> list[int]:
    """Return which rows are ticked."""
    return list(app.session_state[str(app.dataframe[0].key)]["selection"]["rows"])


@pytest.mark.usefixtures("long")
def test_without_a_tick_all_that_match_are_planned_on_every_page(desk: Desk, open_page: OpenPage) -> None:
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="exports-plan-all").click().run()

    with desk.store.read() as session:
        (plan,) = session.query(tables.RetryPlan).all()
        assert plans.view(session, AGENT, plan.id).total == 63


def test_the_code_buttons_narrow_what_is_planned(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        world.add_export(session, world.HEALTHY, 50, code="XERO27")
    app = open_page(navigation.FAILED_EXPORTS, world.AGENT)

    app.button(key="code-XERO27").click().run()
    app.button(key="exports-plan-all").click().run()

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
    assert "exports-plan-all" not in keys(app)
