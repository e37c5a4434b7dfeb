"""The proof of an incident: from every failure to its end, and back; it closes only when nothing is left."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import event, select

from services import closing, completeness, incidents
from services.completeness import Proof, UnknownIncident
from services.members import Member, UnknownWorkspace
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, IncidentState
from tests.integration.office import Office, Shop


def proof_of(office: Office, shop: Shop, member: Member | None = None) -> Proof:
    incident = office.incident(shop)
    assert incident is not None
    with office.desk.store.read() as session:
        return completeness.proof(session, member or office.agent, incident.id)


def counts(proof: Proof) -> tuple[int, int, int, int, int]:
    return proof.total, proof.retried, proof.delivered, proof.set_aside, proof.left


def state_of(office: Office, shop: Shop) -> IncidentState:
    incident = office.incident(shop)
    assert incident is not None
    return incident.state


def test_every_export_that_an_incident_held_up_is_followed_from_its_failure_to_its_end(
    office: Office,
) -> None:
    shop = office.shop()
    office.exports(shop, 3, state=ExportState.FAILED, code="XERO11")
    office.exports(shop, 2)  # approved while it is broken: held
    [unfit] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11", account="nothing")
    office.exports(shop, 1, state=ExportState.FAILED, code="XERO95")  # a trouble of its own
    office.break_login(shop)
    assert counts(proof_of(office, shop)) == (6, 0, 0, 0, 6)

    office.repair(shop)
    office.retry(shop)
    office.work_off()
    released = proof_of(office, shop)
    assert counts(released) == (6, 5, 5, 0, 1)
    assert (str(released.left_amount), released.untraced, released.uncounted) == ("12.50", 0, 0)
    assert (released.complete, state_of(office, shop)) == (False, IncidentState.RELEASING)

    with office.desk.store.begin() as session:
        closing.set_aside(session, office.agent, unfit, "entered by hand")
    done = proof_of(office, shop)
    assert counts(done) == (6, 5, 5, 1, 0)
    assert (done.complete, state_of(office, shop)) == (True, IncidentState.CLOSED)


def test_an_incident_does_not_close_over_an_export_that_failed_for_it_and_was_not_counted(
    office: Office,
) -> None:
    shop = office.shop()
    office.break_login(shop)
    [late] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11")
    assert (proof_of(office, shop).uncounted, proof_of(office, shop).complete) == (1, False)
    office.repair(shop)
    assert state_of(office, shop) is IncidentState.RECONNECTED
    assert (proof_of(office, shop).uncounted, proof_of(office, shop).left) == (0, 1)

    office.retry(shop)
    office.work_off()
    assert office.export(late).state is ExportState.DELIVERED
    assert state_of(office, shop) is IncidentState.CLOSED


def test_what_came_into_xero_without_a_try_is_not_passed_over_in_silence(office: Office) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11")
    office.break_login(shop)
    office.change(tables.Export, export_id, state=ExportState.DELIVERED, delivered_at=utcnow())
    assert (proof_of(office, shop).untraced, proof_of(office, shop).retried) == (1, 0)


def test_what_belongs_to_an_organisation_left_behind_keeps_no_incident_open(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    [foreign] = office.exports(shop, 1, state=ExportState.FAILED, code="XERO11")
    office.change(tables.Export, foreign, organisation_id=other.organisation_id)
    office.break_login(shop)
    office.repair(shop)
    assert state_of(office, shop) is IncidentState.CLOSED


def test_the_file_has_every_export_and_its_end_and_runs_no_formula(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2, state=ExportState.FAILED, code="XERO11")
    office.break_login(shop)
    with office.desk.store.begin() as session:
        aside, owed = session.scalars(select(tables.Export.id).order_by(tables.Export.id))
        closing.set_aside(session, office.agent, aside, "=1+1")
        incident = incidents.for_workspace(session, shop.workspace_id)
        assert incident is not None
        text = completeness.file(session, office.agent, incident.id)
    head, *rows = csv.reader(io.StringIO(text))
    assert tuple(head) == completeness.COLUMNS
    by_number = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert by_number[office.export(aside).number]["reason"] == "'=1+1"
    assert by_number[office.export(owed).number]["state"] == ExportState.FAILED


def test_the_proof_is_for_those_who_see_the_workspace(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    office.admin_leaves(shop)
    with pytest.raises(UnknownWorkspace):
        proof_of(office, shop, office.admin)
    with office.desk.store.read() as session, pytest.raises(UnknownIncident):
        completeness.file(session, office.agent, "no-such-incident")


def test_the_proof_of_an_incident_takes_the_same_few_queries_however_much_it_held_up(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 40, state=ExportState.FAILED, code="XERO11")
    office.break_login(shop)
    asked: list[str] = []
    engine = office.desk.store.engine
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    proof_of(office, shop)
    assert sum("FROM exports" in statement for statement in asked) == 4
