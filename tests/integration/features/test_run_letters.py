"""Who started a run is told by mail that it has ended or has to wait for long; nobody is told twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from services import audit, run_work
from services.run_letters import LONG_WAIT, STILL_WATCHED
from services.store import tables
from services.store.engine import utcnow
from services.store.states import RunState
from tests.integration.features.letterbox import channel_url, configured
from tests.integration.office import Office, Shop

DAY_LIMIT = "Waiting for Xero's day limit"


@pytest.fixture
def office(office: Office) -> Office:
    """An office from which mail can be sent."""
    office.desk = configured(office, mail_url=SecretStr("json://127.0.0.1:9/{to}"))
    return office


def begun(office: Office, *shops: Shop, ago: timedelta = STILL_WATCHED, **values: object) -> str:
    """Start a retry, and let it have been started a while ago."""
    plan_id = office.retry(*shops)
    office.change(tables.RetryRun, plan_id, started_at=utcnow() - ago, **values)
    return plan_id


def work(office: Office, plan_id: str, shop: Shop) -> None:
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 0)


def mails(office: Office) -> list[tables.Message]:
    with office.desk.store.read() as session:
        return session.query(tables.Message).order_by(tables.Message.queued_at).all()


def text_of(office: Office, message: tables.Message) -> str:
    assert message.body is not None
    return str(office.desk.vault.open(message.body)["text"])


def test_who_started_a_run_is_told_once_what_came_of_it(office: Office) -> None:
    one, two = office.shop(), office.shop()
    office.exports(one, 2)
    (bad,) = office.exports(one, 1)
    office.exports(two, 1)
    plan_id = begun(office, one, two)
    with office.desk.store.begin() as session:
        session.query(tables.ReportLine).filter_by(export_id=bad).update({"account_code": "999"})
    work(office, plan_id, one)
    assert mails(office) == []
    work(office, plan_id, two)
    (mail,) = mails(office)
    assert (mail.recipient, mail.subject) == (
        office.agent.email,
        "Retry ended: 3 of 4 exports arrived in Xero",
    )
    text = text_of(office, mail)
    assert "- 1 refused with XERO27" in text
    assert f"/retry?plan={plan_id}" in text
    assert "month end" in text
    with office.desk.store.read() as session:
        run = session.get_one(tables.RetryRun, plan_id)
        assert (run.state, run.told_at) == (RunState.FINISHED, run.finished_at)
    work(office, plan_id, two)
    assert len(mails(office)) == 1


def no_mail(office: Office) -> None:
    office.desk = configured(office, mail_url=SecretStr(""))


def by_relink(office: Office) -> None:
    with office.desk.store.begin() as session:
        session.query(tables.RetryRun).update({"started_by": audit.SYSTEM})


def by_guest(office: Office) -> None:
    with office.desk.store.begin() as session:
        session.query(tables.RetryRun).update({"started_by": "t•••@shop.example"})


def just_now(office: Office) -> None:
    with office.desk.store.begin() as session:
        session.query(tables.RetryRun).update({"started_at": utcnow()})


@pytest.mark.parametrize("circumstance", [no_mail, by_relink, by_guest, just_now])
def test_nobody_is_mailed_who_cannot_be_or_need_not_be(office: Office, circumstance: object) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = begun(office, shop)
    assert callable(circumstance)
    circumstance(office)
    work(office, plan_id, shop)
    assert mails(office) == []
    with office.desk.store.read() as session:
        run = session.get_one(tables.RetryRun, plan_id)
        assert (run.state, run.told_at) == (RunState.FINISHED, None)


def test_an_address_that_takes_no_mail_does_not_keep_a_run_from_ending(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = begun(office, shop)
    with office.desk.store.begin() as session:
        session.query(tables.Member).filter_by(email=office.agent.email).delete()
        session.add(tables.Member(email="no address", name="Ada", role=office.agent.role, added_at=utcnow()))
        session.query(tables.RetryRun).update({"started_by": "no address"})
    work(office, plan_id, shop)
    assert office.run(plan_id).state is RunState.FINISHED
    assert mails(office) == []


def test_of_a_long_wait_they_are_told_once_and_then_of_the_end(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    plan_id = begun(office, shop)
    for seconds in (60.0, LONG_WAIT.total_seconds(), 20 * 3600.0):
        run_work.queue_again(office.desk, plan_id, shop.workspace_id, seconds=seconds, why=DAY_LIMIT)
    (mail,) = mails(office)
    assert mail.subject == "Retry waits: 0 of 1 export arrived in Xero so far"
    assert "waiting for Xero's day limit" in text_of(office, mail)
    run_work.work_lane(office.desk, plan_id, shop.workspace_id, 3)
    assert [mail.subject[:11] for mail in mails(office)] == ["Retry waits", "Retry ended"]


def test_the_mail_is_sent(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 1)
    begun(office, shop)
    url = channel_url(office, "{to}")
    office.desk = configured(office, mail_url=url)
    office.work_off()
    assert [mail.state.value for mail in mails(office)] == ["sent"]
