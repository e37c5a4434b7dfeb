"""The gate: who gets in, and which pages each role has."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from dashboard.identity import SIGN_IN_SECONDS
from dashboard.navigation import PAGES, PageEntry
from services.desk import Desk
from services.store import tables
from tests.integration.web import world
from tests.integration.web.conftest import ENTRY, OpenPage, claims, text_of


def visit(user: dict[str, object]) -> AppTest:
    """Open the site as somebody."""
    app = AppTest.from_file(str(ENTRY), default_timeout=30)
    app.user = user
    app.run()
    assert not app.exception
    return app


def test_somebody_signed_out_is_asked_to_sign_in_and_sees_nothing(desk: Desk) -> None:
    app = visit({"is_logged_in": False})

    assert [button.label for button in app.button] == ["Sign in"]
    assert "Harbour" not in text_of(app)


def test_a_sign_in_ends_after_a_working_day(desk: Desk) -> None:
    app = visit(claims(world.AGENT, signed_in_seconds_ago=SIGN_IN_SECONDS + 60))

    assert [button.label for button in app.button] == ["Sign in"]


@pytest.mark.parametrize(
    "email",
    [
        "stranger@relink.example",
        f"{world.AGENT}.attacker.example",  # a member's address with more behind it
        f" {world.AGENT}\x00",
    ],
)
def test_an_unknown_person_sees_who_they_are_and_nothing_else(desk: Desk, email: str) -> None:
    app = visit(claims(email))

    assert app.title[0].value == "You are signed in, but not a member"
    assert "Harbour" not in text_of(app)


def test_an_address_that_nobody_verified_is_told_so_and_sees_nothing(desk: Desk) -> None:
    app = visit({**claims(world.AGENT), "email_verified": False})

    assert "has not verified this address" in app.markdown[0].value
    assert "Harbour" not in text_of(app)


def test_the_case_of_an_address_does_not_matter(desk: Desk) -> None:
    assert visit(claims(world.AGENT.upper())).title[0].value == "Workspaces"


@pytest.mark.parametrize(
    ("email", "entry"),
    [
        (world.ADMIN, navigation.INCIDENTS),
        (world.ADMIN, navigation.IMPORT_REPORTS),
        (world.MANAGER, navigation.FAILED_EXPORTS),
        (world.MANAGER, navigation.RETRY),
        (world.MANAGER, navigation.IMPORT_REPORTS),
    ],
)
def test_a_page_that_is_not_for_the_role_does_not_run(desk: Desk, email: str, entry: PageEntry) -> None:
    app = visit(claims(email))

    # Not registered, so its script can be reached by no address at all.
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        app.switch_page(f"../pages/{entry.script}").run()


def test_every_page_in_the_table_exists_and_lies_outside_the_entry_folder() -> None:
    for entry in PAGES:
        assert entry.source().is_file()
        assert ENTRY.parent not in entry.source().parents


def test_a_member_who_is_removed_loses_the_page_they_have_open(open_page: OpenPage, desk: Desk) -> None:
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    with desk.store.begin() as session:
        session.delete(session.get_one(tables.Member, world.AGENT))

    app.run()

    assert app.title[0].value == "You are signed in, but not a member"
