"""Closing an export without sending it: set aside, one or many, and taken back, whatever its incident did."""

from __future__ import annotations

from threading import Thread

import pytest
from sqlalchemy import select

from services import audit, closing, completeness, marking, runs
from services.closing import Closed
from services.declined import Declined
from services.exports import UnknownExport
from services.members import Member, NotAllowed, UnknownWorkspace
from services.store import tables
from services.store.states import RETRYABLE, ExportState, Health, IncidentState
from tests.integration.features.ledger import assert_each_once
from tests.integration.features.test_exports import disown, search
from tests.integration.office import Office, Shop
from tests.integration.stores import until_blocked


def aside(office: Office, export_id: int, reason: str, member: Member | None = None) -> None:
    with office.desk.store.begin() as session:
        closing.set_aside(session, member or office.agent, export_id, reason)


def test_setting_aside_needs_a_reason_and_keeps_who_and_why(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    with pytest.raises(Declined, match="Say why"):
        aside(office, export_id, "  ")
    aside(office, export_id, " Entered by hand. ")
    (row,) = search(office).rows
    assert (row.state, row.set_aside_by, row.set_aside_reason) == (
        ExportState.SET_ASIDE,
        office.agent.email,
        "Entered by hand.",
    )
    with office.desk.store.read() as session:
        newest = audit.history(session, shop.workspace_id)[0]
    assert (newest.action, newest.actor, newest.reason) == (
        "export set aside",
        office.agent.email,
        "Entered by hand.",
    )


def test_only_what_is_neither_delivered_nor_on_its_way_can_be_set_aside(office: Office) -> None:
    shop = office.shop()
    by_state = {state: office.exports(shop, 1, state=state)[0] for state in ExportState}
    for state, export_id in by_state.items():
        if state in RETRYABLE - {ExportState.IN_DOUBT}:
            aside(office, export_id, "Not ours.")
            assert office.export(export_id).state is ExportState.SET_ASIDE
        else:
            with pytest.raises(Declined, match=office.export(export_id).number):
                aside(office, export_id, "Not ours.")
            assert office.export(export_id).state is state


def test_nobody_sets_aside_what_is_not_theirs_to_set_aside(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    disown(office, shop)
    with pytest.raises(NotAllowed):
        aside(office, export_id, "No.", office.manager)
    with pytest.raises(UnknownWorkspace):
        aside(office, export_id, "No.", office.admin)
    with pytest.raises(UnknownExport, match="There is no such export"):
        aside(office, 987654, "No.")
    with office.desk.store.read() as session:
        assert session.scalars(select(tables.Export.state)).all() == [ExportState.WAITING]


def test_a_reason_too_long_to_be_read_is_declined_and_nothing_is_set_aside(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    with office.desk.store.begin() as session, pytest.raises(Declined, match="500 or fewer"):
        closing.set_aside(session, office.agent, export_id, "x" * 501)
    assert office.states([export_id]) == [ExportState.WAITING]


# Many at once


def all_aside(
    office: Office, ids: list[int], reason: str = "Not ours.", member: Member | None = None
) -> Closed:
    with office.desk.store.begin() as session:
        return closing.set_all_aside(session, member or office.agent, ids, reason)


def test_of_many_those_that_cannot_be_set_aside_are_named_and_the_others_are(office: Office) -> None:
    shop, other, foreign = office.shop(), office.shop(), office.shop()
    office.admin_leaves(foreign)
    good = office.exports(shop, 2) + office.exports(other, 1, state=ExportState.FAILED, code="XERO27")
    [there] = office.exports(shop, 1, state=ExportState.DELIVERED)
    [doubtful] = office.exports(shop, 1, state=ExportState.IN_DOUBT)
    [theirs] = office.exports(foreign, 1)
    closed = all_aside(office, [doubtful, *good, there, theirs, 987654], member=office.admin)
    assert office.states(good) == [ExportState.SET_ASIDE] * 3
    assert office.states([there, doubtful, theirs]) == [
        ExportState.DELIVERED,
        ExportState.IN_DOUBT,
        ExportState.WAITING,
    ]
    assert closed.done == 3
    assert [
        words in why
        for words, why in zip(
            ("may be in Xero", "is delivered", "not one of yours", "no such export"),
            closed.refused,
            strict=True,
        )
    ] == [True] * 4


def test_many_need_a_reason_and_the_permission_too(office: Office) -> None:
    ids = office.exports(office.shop(), 2)
    with pytest.raises(Declined, match="Say why"):
        all_aside(office, ids, " ")
    with pytest.raises(NotAllowed):
        all_aside(office, ids, member=office.manager)
    assert office.states(ids) == [ExportState.WAITING] * 2


# Taken back


def back(office: Office, export_id: int, reason: str = "It was ours.", member: Member | None = None) -> None:
    with office.desk.store.begin() as session:
        closing.take_back(session, member or office.agent, export_id, reason)


@pytest.mark.parametrize(
    ("before", "code", "health", "after"),
    [
        (ExportState.WAITING, None, Health.HEALTHY, ExportState.WAITING),
        (ExportState.WAITING, None, Health.EXPIRED, ExportState.HELD),  # broke meanwhile
        (ExportState.HELD, None, Health.EXPIRED, ExportState.HELD),
        (ExportState.HELD, None, Health.HEALTHY, ExportState.WAITING),  # repaired meanwhile
        (ExportState.FAILED, "XERO27", Health.HEALTHY, ExportState.FAILED),
        (ExportState.FAILED, "XERO11", Health.DISCONNECTED, ExportState.FAILED),
    ],
)
def test_what_is_taken_back_is_again_what_it_was(
    office: Office, before: ExportState, code: str | None, health: Health, after: ExportState
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, state=before, code=code)
    aside(office, export_id, "Not ours.")
    office.change(tables.Connection, shop.workspace_id, health=health)
    back(office, export_id)
    export = office.export(export_id)
    assert (export.state, export.code, export.set_aside_by, export.set_aside_reason) == (
        after,
        code,
        None,
        None,
    )
    with office.desk.store.read() as session:
        newest = audit.history(session, shop.workspace_id, export_id=export_id)
    assert [(entry.action, entry.actor, entry.reason) for entry in newest] == [
        ("set aside taken back", office.agent.email, "It was ours."),
        ("export set aside", office.agent.email, "Not ours."),
    ]


def test_taking_back_needs_a_reason_the_permission_and_something_to_take_back(office: Office) -> None:
    shop = office.shop()
    [export_id, waiting] = office.exports(shop, 2)
    aside(office, export_id, "Not ours.")
    with pytest.raises(Declined, match="Say why"):
        back(office, export_id, "  ")
    with pytest.raises(NotAllowed):
        back(office, export_id, member=office.manager)
    with pytest.raises(Declined, match="is waiting: there is no setting aside"):
        back(office, waiting)
    assert office.states([export_id]) == [ExportState.SET_ASIDE]


def closed_incident(office: Office, shop: Shop, *ids: int) -> tables.Incident:
    """Break and repair a workspace, set aside what its incident held up, and return the closed incident."""
    office.break_login(shop)
    office.repair(shop)
    all_aside(office, list(ids))
    incident = office.incident(shop)
    assert incident is not None
    assert incident.state is IncidentState.CLOSED
    return incident


def test_a_closed_incident_is_open_again_until_what_was_taken_back_arrives(office: Office) -> None:
    shop = office.shop()
    one, two = office.exports(shop, 2)
    incident = closed_incident(office, shop, one, two)
    back(office, one)
    again = office.incident(shop)
    assert again is not None
    assert (again.id, again.state, again.closed_at) == (incident.id, IncidentState.RECONNECTED, None)
    with office.desk.store.read() as session:
        proof = completeness.proof(session, office.agent, incident.id)
        told = [entry.action for entry in audit.history(session, shop.workspace_id, export_id=one, limit=2)]
    assert (proof.total, proof.left, proof.set_aside, proof.uncounted) == (2, 1, 1, 0)
    assert set(told) == {"incident reopened", "set aside taken back"}
    office.retry(shop)
    office.work_off()
    done = office.incident(shop)
    assert done is not None
    assert (done.id, done.state) == (incident.id, IncidentState.CLOSED)


def test_where_a_later_incident_is_open_the_export_joins_it(office: Office) -> None:
    shop = office.shop()
    [one] = office.exports(shop, 1)
    first = closed_incident(office, shop, one)
    office.break_login(shop)
    back(office, one)
    second = office.incident(shop)
    assert second is not None
    assert second.id != first.id
    assert (office.export(one).state, office.export(one).incident_id) == (ExportState.HELD, second.id)
    with office.desk.store.read() as session:
        assert session.get_one(tables.Incident, first.id).state is IncidentState.CLOSED
        assert completeness.proof(session, office.agent, second.id).left == 1


def test_an_export_that_no_incident_held_up_opens_none(office: Office) -> None:
    shop = office.shop()
    closed_incident(office, shop)
    [export_id] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO27")
    aside(office, export_id, "Not ours.")
    back(office, export_id)
    incident = office.incident(shop)
    assert incident is not None
    assert (incident.state, office.export(export_id).incident_id) == (IncidentState.CLOSED, None)


def test_what_is_taken_back_while_the_connection_is_broken_counts_to_its_incident(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1)
    aside(office, export_id, "Not ours.")
    office.break_login(shop)
    back(office, export_id)
    incident = office.incident(shop)
    assert incident is not None
    assert office.export(export_id).incident_id == incident.id


def test_two_people_who_take_back_the_last_two_at_once_open_one_incident(office: Office) -> None:
    shop = office.shop()
    one, two = office.exports(shop, 2)
    incident = closed_incident(office, shop, one, two)
    second = Thread(target=back, args=(office, two, "Mine too.", office.admin))
    with office.desk.store.begin() as session:
        closing.take_back(session, office.agent, one, "It was ours.")
        session.flush()
        second.start()
        until_blocked(office.desk.store)
    second.join()
    assert office.states([one, two]) == [ExportState.WAITING] * 2
    with office.desk.store.read() as session:
        open_ones = session.scalars(
            select(tables.Incident.id).where(tables.Incident.state != IncidentState.CLOSED)
        ).all()
    assert open_ones == [incident.id]


def test_a_workspace_that_breaks_while_something_is_taken_back_holds_it(office: Office) -> None:
    shop = office.shop()
    [one] = office.exports(shop, 1)
    closed_incident(office, shop, one)
    breaking = Thread(target=office.break_login, args=(shop,))
    with office.desk.store.begin() as session:
        closing.take_back(session, office.agent, one, "It was ours.")
        session.flush()
        breaking.start()
        until_blocked(office.desk.store)
    breaking.join()
    incident = office.incident(shop)
    assert incident is not None
    assert (office.export(one).state, office.export(one).incident_id) == (ExportState.HELD, incident.id)


def test_what_xero_is_being_asked_about_is_not_set_aside_meanwhile(office: Office) -> None:
    [export_id] = office.exports(office.shop(), 1)
    with office.desk.store.begin() as session:
        marking.ask(session, office.agent, export_id, "7cb5e5a4-9f93-4b2c-8d51-0a1b2c3d4e5f", "By hand.")
    with pytest.raises(Declined, match="is being checked in Xero"):
        aside(office, export_id, "Not ours.")


def test_what_is_in_doubt_at_an_organisation_that_was_left_can_be_set_aside_and_comes_back_in_doubt(
    office: Office,
) -> None:
    shop, other = office.shop(), office.shop()
    (export_id,) = office.exports(shop, 1)
    office.fault(shop, "PUT", "Invoices", reset="after")
    plan_id = office.retry(shop)
    office.work_off()
    with office.desk.store.begin() as session:
        runs.cancel(session, office.agent, plan_id)
    with pytest.raises(Declined, match="Xero is asked first"):
        aside(office, export_id, "Found by hand.")
    office.disown(other)
    office.change(tables.Connection, shop.workspace_id, organisation_id=other.organisation_id)
    aside(office, export_id, "Found by hand.")
    office.change(tables.Connection, shop.workspace_id, organisation_id=shop.organisation_id)
    with office.desk.store.begin() as session:
        closing.take_back(session, office.agent, export_id, "We are back.")
    assert office.states([export_id]) == [ExportState.IN_DOUBT]
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, [export_id])
