"""Members: who may do what, to which workspaces, whatever page or link they come by."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from services import (
    admin_changes,
    closing,
    disconnects,
    incidents,
    members,
    pausing,
    planning,
    reconnects,
    runs,
    syncs,
    wizard,
    workspaces,
)
from services.exports import ExportFilter
from services.intake import files
from services.links import lists as links
from services.links import recipients
from services.links.lists import LinkQuery, UnsentQuery
from services.members import Member, NotAllowed, Permission, UnknownWorkspace
from services.store import tables
from services.store.states import Role
from services.workspaces import WorkspaceQuery
from tests.integration.office import Office, Shop

#: What each role may do, written out: a change of the rules has to be made twice, on purpose.
MAY = {
    Role.OWNER: "see workspaces, see incidents, sync, retry exports, set exports aside, import reports, "
    "pause a workspace, disconnect a workspace from Xero, follow a reconnect, send reconnect links, "
    "decide on a change of Xero admin",
    Role.AGENT: "see workspaces, see incidents, sync, retry exports, set exports aside, import reports, "
    "pause a workspace, follow a reconnect, send reconnect links, decide on a change of Xero admin",
    Role.MANAGER: "see workspaces, see incidents, follow a reconnect",
    Role.ADMIN: "see workspaces, sync, retry exports, set exports aside, reconnect, pause a workspace, "
    "disconnect a workspace from Xero, follow a reconnect, send reconnect links",
    Role.GUEST: "follow a reconnect, reconnect, sync, retry exports",
}

Act = Callable[[Session, Member, Shop, int], object]

#: Every permission by the acts that need it.
ACTS: list[tuple[Permission, Act]] = [
    (Permission.SEE_WORKSPACES, lambda s, m, shop, _: workspaces.get(s, m, shop.workspace_id)),
    (Permission.SEE_INCIDENTS, lambda s, m, _shop, _: incidents.search(s, m)),
    (Permission.FOLLOW, lambda s, m, shop, _: workspaces.follow(s, m, shop.workspace_id)),
    (Permission.FOLLOW, lambda s, m, shop, _: wizard.wizard(s, m, shop.workspace_id)),
    (Permission.SEND_LINKS, lambda s, m, shop, _: recipients.for_workspace(s, m, shop.workspace_id)),
    (Permission.SEND_LINKS, lambda s, m, shop, _: links.for_workspace(s, m, shop.workspace_id)),
    (Permission.SEND_LINKS, lambda s, m, _shop, _: links.search(s, m, LinkQuery())),
    (Permission.SEND_LINKS, lambda s, m, _shop, _: links.unsent(s, m, UnsentQuery())),
    (Permission.SYNC, lambda s, m, shop, _: syncs.request(s, m, shop.workspace_id)),
    (Permission.RECONNECT, lambda s, m, shop, _: reconnects.start(s, m, shop.workspace_id)),
    (Permission.RETRY, lambda s, m, _shop, export: planning.plan(s, m, export_ids=[export])),
    (Permission.RETRY, lambda s, m, _shop, _: planning.plan(s, m, filter=ExportFilter())),
    (Permission.SET_ASIDE, lambda s, m, _shop, export: closing.set_aside(s, m, export, "By hand.")),
    (Permission.FOLLOW, lambda s, m, shop, _: wizard.wizard(s, m, shop.workspace_id)),
    (Permission.FOLLOW, lambda s, m, shop, _: wizard.stamp(s, m, shop.workspace_id)),
    (Permission.FOLLOW, lambda s, m, shop, _: admin_changes.latest(s, m, shop.workspace_id)),
    (Permission.DECIDE_CHANGE, lambda s, m, shop, _: _decide(s, m, shop)),
    (Permission.PAUSE, lambda s, m, shop, _: pausing.pause(s, m, shop.workspace_id, "It moves.")),
    (Permission.DISCONNECT, lambda s, m, shop, _: disconnects.losses(s, m, shop.workspace_id)),
    (Permission.DISCONNECT, lambda s, m, shop, _: disconnects.ask(s, m, shop.workspace_id, reason="Over.")),
    (
        Permission.IMPORT_REPORTS,
        lambda s, m, _shop, _: files.import_reports(s, m, files.EXAMPLE_CSV.encode()),
    ),
]


def _decide(session: Session, member: Member, shop: Shop) -> None:
    """Decide on a change that the workspace's own admin asked for."""
    admin = Member("amira@shop.example", "Amira Admin", Role.ADMIN)
    change_id = admin_changes.ask(session, admin, shop.workspace_id, "Ada left")
    admin_changes.decide(session, member, change_id, approve=True, reason="Called back")


def member(office: Office, role: Role, shop: Shop) -> Member:
    """The office's admin looks after the shop, a guest came by a link to it; the others see everything."""
    if role is Role.ADMIN:
        return office.admin
    only = shop.workspace_id if role is Role.GUEST else None
    return Member("someone@relink.example", "Some One", role, only)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_what_its_permissions_say_and_nothing_else(office: Office, role: Role) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    person = member(office, role, shop)
    assert {permission for permission, _ in ACTS} == set(Permission)
    assert {p.value for p in members.GRANTED[role]} == set(MAY[role].split(", "))
    for permission, act in ACTS:
        with office.desk.store.read() as session:  # so that no act reaches the next one
            if permission in MAY[role].split(", "):
                act(session, person, shop, export_id)
            else:
                with pytest.raises(NotAllowed, match=f"Your role, {role}, may not"):
                    act(session, person, shop, export_id)


def test_a_run_is_turned_only_by_those_who_may_retry(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = office.retry(shop)
    for role in Role:
        for turn in (runs.pause, runs.resume, runs.cancel):
            with office.desk.store.read() as session:
                if Permission.RETRY in members.GRANTED[role]:
                    turn(session, member(office, role, shop), plan_id)
                else:
                    with pytest.raises(NotAllowed):
                        turn(session, member(office, role, shop), plan_id)


def test_a_paused_workspace_is_resumed_only_by_those_who_may_pause(office: Office) -> None:
    shop = office.shop()
    with office.desk.store.begin() as session:
        pausing.pause(session, office.agent, shop.workspace_id, "It moves.")
    for role in Role:
        person = member(office, role, shop)
        with office.desk.store.read() as session:
            if person.may(Permission.PAUSE):
                pausing.resume(session, person, shop.workspace_id)
            else:
                with pytest.raises(NotAllowed):
                    pausing.resume(session, person, shop.workspace_id)


def test_an_outsider_cannot_tell_a_foreign_workspace_from_one_that_does_not_exist(office: Office) -> None:
    foreign = office.shop()
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.WorkspaceAdmin, (foreign.workspace_id, office.admin.email)))
    texts = set()
    acts = (
        workspaces.get,
        syncs.request,
        reconnects.start,
        pausing.resume,
        disconnects.losses,
        lambda s, m, w: pausing.pause(s, m, w, "It moves."),
        lambda s, m, w: disconnects.ask(s, m, w, reason="Over."),
    )
    for workspace_id in (foreign.workspace_id, "0000000000000000", "\x00", "'; --", "x" * 9000):
        for act in acts:
            with (
                office.desk.store.read() as session,
                pytest.raises(UnknownWorkspace, match="Check the link") as caught,
            ):
                act(session, office.admin, workspace_id)
            texts.add(str(caught.value))
    assert len(texts) == 1


def test_staff_see_every_workspace_and_an_admin_their_own(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.WorkspaceAdmin, (foreign.workspace_id, office.admin.email)))
    with office.desk.store.read() as session:
        for_staff = workspaces.search(session, office.manager, WorkspaceQuery())
        for_admin = workspaces.search(session, office.admin, WorkspaceQuery())
    assert {row.id for row in for_staff.rows} == {own.workspace_id, foreign.workspace_id}
    assert {row.id for row in for_admin.rows} == {own.workspace_id}


def test_a_member_is_found_in_any_spelling_and_nobody_else_is(office: Office) -> None:
    with office.desk.store.read() as session:
        assert members.find(session, " ADA@Relink.Example ") == office.agent
        for stranger in ("", "ada", "ada@relink.example.evil.example", "%", "\x00ada"):
            assert members.find(session, stranger) is None


def test_the_first_owners_come_from_the_settings_and_a_known_member_keeps_their_role(office: Office) -> None:
    with office.desk.store.begin() as session:
        members.add_owners(session, ["Olive@Relink.example", office.manager.email])
        members.add_owners(session, ["olive@relink.example"])
    with office.desk.store.read() as session:
        assert members.find(session, "olive@relink.example") == Member(
            "olive@relink.example", "Olive", Role.OWNER
        )
        assert members.find(session, office.manager.email) == office.manager
