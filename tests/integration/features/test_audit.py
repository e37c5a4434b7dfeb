"""The history of a workspace: who did what, when and why."""

from __future__ import annotations

from datetime import timedelta

from services import audit, closing, runs, syncs
from services.audit import SYSTEM
from services.store.engine import utcnow
from tests.integration.office import Office


def test_the_history_shows_the_newest_first_and_no_more_than_asked_for(office: Office) -> None:
    shop = office.shop()
    now = utcnow() + timedelta(hours=1)
    with office.desk.store.begin() as session:
        for number in (1, 3, 2):
            at = now + timedelta(minutes=number)
            audit.record(session, "noted", f"Note {number}.", workspace_id=shop.workspace_id, at=at)
    with office.desk.store.read() as session:
        found = audit.history(session, shop.workspace_id, limit=2)
    assert [entry.summary for entry in found] == ["Note 3.", "Note 2."]
    assert {entry.actor for entry in found} == {SYSTEM}


def test_a_workspace_shows_its_own_history_only(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    with office.desk.store.begin() as session:
        audit.record(session, "noted", "Elsewhere.", workspace_id=other.workspace_id, file="reports.csv")
    with office.desk.store.read() as session:
        assert "noted" not in {entry.action for entry in audit.history(session, shop.workspace_id)}
        assert audit.history(session, other.workspace_id)[0].data == {"file": "reports.csv"}


def test_every_act_of_a_repair_has_a_name_and_a_reason(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    (bad,) = office.exports(shop, 1, account="999")
    with office.desk.store.begin() as session:
        syncs.request(session, office.admin, shop.workspace_id)
    office.work_off()
    plan_id = office.retry(shop)
    with office.desk.store.begin() as session:
        runs.pause(session, office.agent, plan_id)
        runs.resume(session, office.agent, plan_id)
        closing.set_aside(session, office.agent, bad, "Entered by hand.")
        runs.cancel(session, office.agent, plan_id)
    with office.desk.store.read() as session:
        found = audit.history(session, shop.workspace_id)
    who = {entry.action: entry.actor for entry in reversed(found)}
    assert who == {
        "synced": office.admin.email,
        "sync asked for": office.admin.email,
        "retry started": office.agent.email,
        "retry paused": office.agent.email,
        "retry resumed": office.agent.email,
        "retry cancelled": office.agent.email,
        "export set aside": office.agent.email,
    }
    reasons = {entry.action: entry.reason for entry in found if entry.reason}
    assert reasons == {"retry started": "month end", "export set aside": "Entered by hand."}


def test_an_incident_tells_its_own_story(office: Office) -> None:
    shop = office.shop()
    office.break_login(shop)
    office.repair(shop)
    with office.desk.store.read() as session:
        actions = [entry.action for entry in audit.history(session, shop.workspace_id)]
    story = ("incident opened", "sync failed", "repaired", "incident closed")
    assert [action for action in reversed(actions) if action in story] == list(story)
