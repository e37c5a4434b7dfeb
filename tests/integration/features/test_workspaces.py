"""Finding a workspace, and what each member may see of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services import finding, syncs, workspaces
from services.members import Member, UnknownWorkspace
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, Health, Role
from services.workspaces import Sort, WorkspacePage, WorkspaceQuery
from tests.integration.office import Office


def add(office: Office, name: str, *, health: Health = Health.HEALTHY, **connection: Any) -> str:
    """Add a workspace that only the list needs; return its id."""
    workspace_id, now = uuid4().hex[:16].upper(), utcnow()
    with office.desk.store.begin() as session:
        session.add(
            tables.Workspace(
                id=workspace_id,
                name=name,
                search_text=finding.search_text(
                    workspace_id=workspace_id,
                    name=name,
                    owner_email=f"owner@{name.split()[0].lower()}.example",
                    organisation_name=None,
                ),
                owner_email=f"owner@{name.split()[0].lower()}.example",
                plan="Control",
                country="GB",
                currency="GBP",
                created_at=now,
            )
        )
        session.flush()
        session.add(
            tables.Connection(workspace_id=workspace_id, health=health, health_since=now, **connection)
        )
    return workspace_id


def find(office: Office, text: str = "", *, member: Member | None = None, **query: Any) -> WorkspacePage:
    with office.desk.store.read() as session:
        return workspaces.search(session, member or office.agent, WorkspaceQuery(text=text, **query))


def names(page: WorkspacePage) -> list[str]:
    return [row.name for row in page.rows]


def test_a_workspace_is_found_by_whatever_the_ticket_holds(office: Office) -> None:
    shop = office.shop(name="Brightside Bakery Ltd")
    add(office, "Northwind Roasters")
    for text in (
        "brightside",
        "BAKERY bright",
        shop.workspace_id,
        shop.workspace_id.lower()[3:9],
        "owner@shop.example",
        "  ltd   Workspace ",
    ):
        assert [row.id for row in find(office, text).rows] == [shop.workspace_id], text
    assert find(office, "brightside northwind").total == 0


def test_a_workspace_is_found_by_the_organisations_new_name_after_a_sync(office: Office) -> None:
    shop = office.shop(name="Old Name Ltd")
    office.xero.control("PATCH", f"/organisations/{shop.organisation_id}", name="Fresh Name Ltd")
    assert find(office, "fresh").total == 0
    office.sync(shop)
    page = find(office, "fresh")
    assert [(row.id, row.organisation_name) for row in page.rows] == [(shop.workspace_id, "Fresh Name Ltd")]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%", ["100% Cotton"]),
        ("_", ["snake_case Books"]),
        ("/", ["Either/Or Cafe"]),
        ("\\", ["Back\\slash Pubs"]),
        ("'", ["O'Hara & Sons"]),
        ('"', []),
        ("100%\0", ["100% Cotton"]),
        ("' or 1=1 --", []),
        ("%%", []),
        ("o_hara", []),
        ("x" * 5000, []),
    ],
)
def test_what_a_person_types_is_taken_literally(office: Office, text: str, found: list[str]) -> None:
    for name in ("100% Cotton", "snake_case Books", "Either/Or Cafe", "Back\\slash Pubs", "O'Hara & Sons"):
        add(office, name)
    assert names(find(office, text)) == found


def test_a_workspace_id_that_no_database_takes_is_just_unknown(office: Office) -> None:
    for workspace_id in ("\0", "' or 1=1 --", "x" * 10_000):
        with office.desk.store.read() as session, pytest.raises(UnknownWorkspace):
            workspaces.get(session, office.agent, workspace_id)


def test_the_list_is_kept_to_healths_while_the_counts_show_all_that_match_the_text(office: Office) -> None:
    for number, health in enumerate((Health.HEALTHY, Health.HEALTHY, Health.EXPIRED, Health.DISCONNECTED)):
        add(office, f"Mill {number}", health=health)
    add(office, "Other", health=Health.EXPIRED)
    page = find(office, "mill", health=(Health.EXPIRED, Health.DISCONNECTED))
    assert sorted(names(page)) == ["Mill 2", "Mill 3"]
    assert (page.total, page.pages) == (2, 1)
    assert page.counts == {Health.HEALTHY: 2, Health.EXPIRED: 1, Health.DISCONNECTED: 1}


def test_pages_hold_every_workspace_once_and_a_page_behind_the_last_is_empty(office: Office) -> None:
    wanted = {f"Mill {number}" for number in range(7)}
    for name in wanted:
        add(office, name)
    pages = [find(office, sort=Sort.TROUBLE, page=page, page_size=3) for page in (1, 2, 3)]
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert {name for page in pages for name in names(page)} == wanted
    assert {(page.total, page.pages) for page in pages} == {(7, 3)}
    assert find(office, page=10**30, page_size=3).rows == ()
    assert names(find(office, page=0, page_size=3)) == names(pages[0])
    assert find(office, "nothing like it").pages == 1


def test_trouble_comes_first_the_longest_broken_at_the_top_then_what_is_repaired_but_stuck(
    office: Office,
) -> None:
    healthy, stuck = add(office, "A healthy"), add(office, "D stuck")
    new, old = add(office, "B new", health=Health.EXPIRED), add(office, "C old", health=Health.EXPIRED)
    for workspace_id, hours in ((new, 1), (old, 50), (stuck, 99)):
        with office.desk.store.begin() as session:
            session.add(
                tables.Incident(
                    id=f"incident-{hours}",
                    workspace_id=workspace_id,
                    state="open",
                    cause="expired",
                    code="XERO11",
                    detail="",
                    opened_at=utcnow() - timedelta(hours=hours),
                )
            )
    assert [row.id for row in find(office).rows] == [old, new, stuck, healthy]
    assert names(find(office, sort=Sort.NAME)) == ["A healthy", "B new", "C old", "D stuck"]


def test_the_list_can_begin_with_the_most_stuck_and_with_the_longest_not_synced(office: Office) -> None:
    few, many = office.shop(name="Few"), office.shop(name="Many")
    office.exports(few, 1)
    office.exports(many, 2, state=ExportState.FAILED, code="XERO11")
    office.exports(few, 3, state=ExportState.DELIVERED)
    never = add(office, "Never synced")
    by_stuck = find(office, sort=Sort.STUCK)
    assert [(row.id, row.stuck_count) for row in by_stuck.rows] == [
        (many.workspace_id, 2),
        (few.workspace_id, 1),
        (never, 0),
    ]
    assert str(by_stuck.rows[0].stuck_amount) == "25.00"
    office.change(tables.Connection, many.workspace_id, last_synced_at=utcnow() - timedelta(days=9))
    by_age = find(office, sort=Sort.SYNCED)
    assert [row.id for row in by_age.rows] == [never, many.workspace_id, few.workspace_id]


def test_an_admin_sees_their_own_workspaces_alone_in_rows_and_counts(office: Office) -> None:
    own = office.shop()
    foreign = office.shop()
    office.admin_leaves(foreign)
    page = find(office, member=office.admin)
    assert [row.id for row in page.rows] == [own.workspace_id]
    assert (page.total, page.counts) == (1, {Health.HEALTHY: 1})
    assert find(office, foreign.workspace_id, member=office.admin).total == 0
    with office.desk.store.read() as session:
        assert workspaces.get(session, office.admin, own.workspace_id).id == own.workspace_id
        with pytest.raises(UnknownWorkspace):
            workspaces.get(session, office.admin, foreign.workspace_id)


def test_the_xero_login_is_masked_for_everybody_but_the_workspaces_own_admins(office: Office) -> None:
    shop = office.shop()
    email = shop.user["email"]
    owner = Member("olga@relink.example", "Olga", Role.OWNER)
    with office.desk.store.read() as session:
        shown = {
            member.role: workspaces.get(session, member, shop.workspace_id).connection.login_email
            for member in (office.admin, office.agent, office.manager, owner)
        }
    masked = f"{email[0]}•••@example.com"
    assert shown == {Role.ADMIN: email, Role.AGENT: masked, Role.MANAGER: masked, Role.OWNER: masked}


def test_a_workspace_shows_its_connection_sync_incident_and_what_is_stuck(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2)
    office.break_login(shop)
    with office.desk.store.read() as session:
        view = workspaces.get(session, office.agent, shop.workspace_id)
    assert view.incident is not None
    assert view.sync is not None
    assert (view.connection.code, view.incident.code, view.sync.code) == ("XERO11",) * 3
    assert (view.stuck_count, str(view.stuck_amount), view.admins) == (2, "25.00", (office.admin.email,))
    assert view.connection.organisation_name == shop.organisation["name"]
    [row] = find(office, shop.workspace_id).rows
    assert (row.incident_id, row.syncing) == (view.incident.id, False)


def test_a_running_sync_shows_in_the_list(office: Office) -> None:
    shop = office.shop()
    with office.desk.store.begin() as session:
        syncs.enqueue(session, shop.workspace_id, requested_by="somebody")
    [row] = find(office, shop.workspace_id).rows
    assert row.syncing


def test_a_login_says_until_when_it_lasts_unless_it_is_used_and_a_dead_one_does_not(office: Office) -> None:
    shop = office.shop()
    used_at = utcnow() - timedelta(days=46)
    office.change(tables.Grant, office.grant(shop).id, last_used_at=used_at)
    for dead_since, expected in ((None, used_at + timedelta(days=60)), (utcnow(), None)):
        office.change(tables.Grant, office.grant(shop).id, dead_since=dead_since)
        with office.desk.store.read() as session:
            view = workspaces.get(session, office.agent, shop.workspace_id).connection
        [row] = find(office).rows
        assert (view.login_expires_at, row.login_expires_at) == (expected, expected)
    office.disown(shop)
    with office.desk.store.read() as session:
        assert workspaces.get(session, office.agent, shop.workspace_id).connection.login_expires_at is None
