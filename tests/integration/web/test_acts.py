"""A press is judged by who presses now, not by whom the page was drawn for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from dashboard.identity import SIGN_IN_SECONDS
from dashboard.navigation import PageEntry
from services import members, planning
from services.declined import Declined
from services.desk import Desk
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.states import Role
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, claims

Change = Callable[[Desk, AppTest], None]

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)


def remove(desk: Desk, _app: AppTest) -> None:
    with desk.store.begin() as session:
        session.delete(session.get_one(tables.Member, world.AGENT))


def make_manager(desk: Desk, _app: AppTest) -> None:
    with desk.store.begin() as session:
        members.add(session, email=world.AGENT, name="Ada Agent", role=Role.MANAGER)


def let_sign_in_end(_desk: Desk, app: AppTest) -> None:
    app.user = claims(world.AGENT, signed_in_seconds_ago=SIGN_IN_SECONDS + 1)


CHANGES = pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (remove, "not a member of Relink any more"),
        (make_manager, "Your role, manager, may not"),
        (let_sign_in_end, "Your sign-in has ended"),
    ],
)


@CHANGES
@pytest.mark.parametrize(
    ("entry", "button", "made"),
    [
        (navigation.WORKSPACE, "sync-now", tables.Sync),
        (navigation.WORKSPACE, "waiting-plan-all", tables.RetryPlan),
        (navigation.FAILED_EXPORTS, "exports-plan-all", tables.RetryPlan),
    ],
)
def test_who_may_no_longer_act_is_refused_and_nothing_is_done(
    desk: Desk,
    open_page: OpenPage,
    entry: PageEntry,
    button: str,
    made: type[tables.Sync | tables.RetryPlan],
    change: Change,
    sentence: str,
) -> None:
    app = open_page(entry, world.AGENT, id=world.BROKEN)
    change(desk, app)

    app.button(key=button).click().run()

    assert not app.exception
    assert sentence in app.warning[0].value
    with desk.store.read() as session:
        assert session.scalar(select(func.count()).select_from(made)) == 0


@pytest.mark.parametrize("change", [remove, let_sign_in_end])
def test_who_is_turned_away_reads_why_once(desk: Desk, open_page: OpenPage, change: Change) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    change(desk, app)

    app.button(key="sync-now").click().run()
    assert [warning.proto.title for warning in app.warning] == ["That was not done"]

    app.run()
    assert not app.warning


def draw_results(plan_id, given):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - run on its own
    """Draw what a page with the download draws."""
    from dashboard.parts import plans

    given.append(plans.results(plan_id))


def test_results_are_not_given_to_a_member_who_was_removed(desk: Desk) -> None:
    with desk.store.begin() as session:
        plan_id = planning.plan(session, AGENT, filter=ExportFilter())
    given: list[Callable[[], str]] = []
    app = AppTest.from_function(draw_results, args=(plan_id, given))
    app.user = claims(world.AGENT)
    app.run()
    (results,) = given
    assert "EXP-000001" in results()
    remove(desk, app)

    with pytest.raises(Declined, match="not a member"):
        results()
