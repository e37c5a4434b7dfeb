"""A part of a page that follows something by itself stops for whoever may no longer see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy.orm import Session

from services import members, planning, reconnects, retries, syncs
from services.exports import ExportFilter
from services.members import Member
from services.store import tables
from services.store.engine import Store, open_store, utcnow
from services.store.migrate import migrate
from services.store.states import ExportState, Health, Role
from tests.browser.desk import sign_in_by_cookie
from tests.house import House, house
from tests.integration.web import world

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)
ADMIN = Member(world.ADMIN, "Amira Admin", Role.ADMIN)

Follow = Callable[[Session], str]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[House, Store]]:
    """Pages on the small world. No worker: what is followed stays under way."""
    with house(tmp_path) as tree:
        store = open_store(tree.database_url)
        migrate(store)
        world.fill(store)
        with store.begin() as session:
            beat = utcnow() + timedelta(hours=1)
            session.add(tables.Worker(id="w", host="elsewhere", pid=1, started_at=beat, beat_at=beat))
        tree.start_web()
        yield tree, store
        store.close()


def a_sync(session: Session) -> str:
    syncs.request(session, AGENT, world.BROKEN)
    return f"/workspace?id={world.BROKEN}"


def a_sync_of_a_reconnect(session: Session) -> str:
    reconnects.start(session, ADMIN, world.BROKEN)
    syncs.request(session, ADMIN, world.BROKEN)
    return f"/reconnect?workspace={world.BROKEN}"


def a_retry(session: Session) -> str:
    session.get_one(tables.Connection, world.BROKEN).health = Health.HEALTHY
    plan_id = planning.plan(session, AGENT, filter=ExportFilter(states=(ExportState.FAILED,)))
    retries.start(session, AGENT, plan_id, "test")
    return f"/retry?plan={plan_id}"


def removed(session: Session, email: str) -> None:
    session.delete(session.get_one(tables.Member, email))


def made_manager(session: Session, email: str) -> None:
    members.add(session, email=email, name="Somebody", role=Role.MANAGER)


def made_admin_of_nothing(session: Session, email: str) -> None:
    session.delete(session.get_one(tables.WorkspaceAdmin, (world.BROKEN, email)))


@pytest.mark.parametrize(
    ("email", "follow", "change", "says"),
    [
        (world.AGENT, a_sync, removed, "You are signed in, but not a member"),
        (world.ADMIN, a_sync, made_admin_of_nothing, "or it is not one of yours"),
        (world.ADMIN, a_sync_of_a_reconnect, removed, "You are signed in, but not a member"),
        (world.ADMIN, a_sync_of_a_reconnect, made_admin_of_nothing, "or it is not one of yours"),
        (world.AGENT, a_retry, removed, "You are signed in, but not a member"),
        (world.AGENT, a_retry, made_manager, "This page is not part of your role"),
    ],
)
def test_who_loses_access_loses_what_they_follow(
    small: tuple[House, Store],
    browser: Browser,
    email: str,
    follow: Follow,
    change: Callable[[Session, str], None],
    says: str,
) -> None:
    tree, store = small
    with store.begin() as session:
        path = follow(session)
    page = sign_in_by_cookie(browser.new_context(), tree, email)
    page.goto(f"{tree.url}{path}")
    expect(page.get_by_role("progressbar")).to_be_visible()

    with store.begin() as session:
        change(session, email)

    expect(page.get_by_text(says)).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_hidden()
    page.context.close()


def test_the_server_itself_names_no_address_before_pages_can_be_served(small: tuple[House, Store]) -> None:
    tree, _ = small
    assert tree.url not in tree.log("web")
