"""One export's page: why it is not in Xero, every attempt, and closing it without sending."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from services import closing, marks, planning, retries
from services.desk import Desk
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import AttemptState, ExportState, Health, MarkState, ReceiptState, Role, Verdict
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, select_rows, text_of

AGENT = Member(world.AGENT, "Ada Agent", Role.AGENT)
DOCUMENT = "7cb5e5a4-9f93-4b2c-8d51-0a1b2c3d4e5f"
WHY = "Entered by hand in Xero."


def open_export(open_page: OpenPage, export_id: int, email: str = world.AGENT) -> AppTest:
    return open_page(navigation.EXPORT, email, id=str(export_id))


def stored(desk: Desk, export_id: int) -> tables.Export:
    with desk.store.read() as session:
        return session.get_one(tables.Export, export_id)


def add(desk: Desk, workspace_id: str = world.HEALTHY, /, **changes: object) -> int:
    with desk.store.begin() as session:
        export_id = world.add_export(session, workspace_id, 77)
        export = session.get_one(tables.Export, export_id)
        for name, value in changes.items():
            setattr(export, name, value)
    return export_id


@pytest.mark.parametrize(
    ("changes", "health", "answer"),
    [
        ({}, Health.HEALTHY, "It is not in Xero because of XERO11: Connection expired."),
        ({"state": ExportState.DELIVERED, "xero_id": DOCUMENT}, Health.HEALTHY, "It is in Xero."),
        ({"state": ExportState.WAITING}, Health.HEALTHY, "It is not in Xero yet: it waits for its turn."),
        (
            {"state": ExportState.HELD},
            Health.EXPIRED,
            "It is not in Xero because the workspace&#39;s connection is expired: it was not even tried.",
        ),
        ({"state": ExportState.HELD}, Health.HEALTHY, "because the connection was broken"),
        ({"state": ExportState.SENDING}, Health.HEALTHY, "It is on its way to Xero at this moment."),
        ({"state": ExportState.IN_DOUBT}, Health.HEALTHY, "Whether it is in Xero is not known"),
        (
            {"state": ExportState.SET_ASIDE, "set_aside_by": "ada", "set_aside_reason": "<b>Twice</b>"},
            Health.HEALTHY,
            "It is not in Xero and will not be sent: ada set it aside.",
        ),
        (
            {"state": ExportState.WAITING, "organisation_id": f"org-{world.BROKEN}"},
            Health.HEALTHY,
            "the workspace is not connected to Harbour &amp; Finch Pty any more",
        ),
    ],
)
def test_the_first_sentence_says_why_it_is_not_in_xero(
    desk: Desk, open_page: OpenPage, changes: dict[str, object], health: Health, answer: str
) -> None:
    export_id = add(desk, **changes)
    with desk.store.begin() as session:
        session.get_one(tables.Connection, world.HEALTHY).health = health
    shown = text_of(open_export(open_page, export_id))
    assert answer in shown
    assert "<b>" not in shown


def test_every_attempt_is_shown_with_its_key_correlation_id_and_retry(
    desk: Desk, open_page: OpenPage
) -> None:
    export_id = add(desk, state=ExportState.WAITING)
    now = utcnow()
    with desk.store.begin() as session:
        plan_id = planning.plan(session, AGENT, export_ids=[export_id])
        session.get_one(tables.PlanItem, (plan_id, export_id)).verdict = Verdict.WILL_SEND
        session.flush()
        retries.start(session, AGENT, plan_id, "Month end")
        for batch, moment, answered, state, status in (
            ("batch-of-long-ago", now - timedelta(days=9), None, AttemptState.UNKNOWN, None),
            (
                "batch-of-the-run",
                now + timedelta(seconds=1),
                now + timedelta(seconds=3.5),
                AttemptState.REFUSED,
                400,
            ),
        ):
            session.add(
                tables.Attempt(
                    export_id=export_id,
                    batch=batch,
                    position=0,
                    sent_at=moment,
                    answered_at=answered,
                    state=state,
                    status=status,
                    correlation_id="c0ffee" if status else None,
                    message="Account code '999' is not valid" if status else None,
                )
            )
    app = open_export(open_page, export_id)
    shown = text_of(app)
    for expected in (
        "batch-of-long-ago",
        "batch-of-the-run",
        "no answer",
        "2.5 seconds",
        "400",
        "Account code &#39;999&#39; is not valid",
        "1 of 1",
    ):
        assert expected in shown
    of_a_run, of_any = shown.count(f'href="/retry?plan={plan_id}"'), shown.count('title="batch-of-')
    assert 2 * of_a_run == of_any  # the one of long ago was no part of it
    assert "HTTP 400, correlation id c0ffee" in app.code[0].value


def test_an_export_that_is_not_theirs_or_none_is_said_to_be_unknown(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        foreign = world.add_export(session, world.FOREIGN, 78)
    for export_id in (str(foreign), "987654", "", "-1", "1e3", "'; --", "٣", "9" * 400):
        app = open_page(navigation.EXPORT, world.ADMIN, id=export_id)
        assert "There is no export of that id here, or it is not one of yours." in app.warning[0].value
        assert "Trade fair" not in text_of(app)


def test_a_manager_looks_and_cannot_act(desk: Desk, open_page: OpenPage) -> None:
    app = open_export(open_page, add(desk), world.MANAGER)
    assert not [button.key for button in app.button]


def test_it_is_set_aside_and_taken_back_each_with_a_reason(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk)
    app = open_export(open_page, export_id)
    app.button(key="aside").click().run()
    app.text_area(key="closing-reason").set_value("Approved twice")
    app.button(key="aside-now").click().run()
    assert stored(desk, export_id).state is ExportState.SET_ASIDE

    app = open_export(open_page, export_id)
    assert "Reason: Approved twice" in text_of(app)
    app.button(key="back").click().run()
    app.text_area(key="closing-reason").set_value("It was the other one")
    app.button(key="back-now").click().run()
    assert stored(desk, export_id).state is ExportState.FAILED
    shown = text_of(open_export(open_page, export_id))
    assert "Set aside taken back" in shown
    assert "It was the other one" in shown


@pytest.mark.parametrize("left", [False, True])
def test_in_doubt_it_can_be_set_aside_only_where_its_organisation_was_left(
    desk: Desk, open_page: OpenPage, left: bool
) -> None:
    export_id = add(desk, state=ExportState.IN_DOUBT)
    if left:
        with desk.store.begin() as session:
            session.add(tables.Organisation(id="left-behind", name="Left Behind"))
            session.flush()
            session.get_one(tables.Export, export_id).organisation_id = "left-behind"
    app = open_export(open_page, export_id)
    assert ("aside" in [button.key for button in app.button]) is left


def ask(app: AppTest, link: str, reason: str = WHY) -> None:
    app.button(key="mark").click().run()
    app.text_input(key="mark-link").set_value(link)
    app.text_area(key="closing-reason").set_value(reason)
    app.button(key="mark-now").click().run()


def test_it_is_marked_by_its_link_and_shows_that_xero_is_asked(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk)
    ask(open_export(open_page, export_id), f"https://go.xero.com/app/!abc/bills/view/{DOCUMENT}")

    with desk.store.read() as session:
        (mark,) = marks.of_export(session, export_id)
    assert (mark.xero_id, mark.asked_by, mark.state) == (DOCUMENT, world.AGENT, MarkState.ASKED)
    app = open_export(open_page, export_id)
    assert "Checking in Xero…" in text_of(app)
    assert [button.key for button in app.button] == ["mark-stop"]
    app.button(key="mark-stop").click().run()
    assert "mark" in [button.key for button in open_export(open_page, export_id).button]


def test_a_link_to_nothing_is_refused_with_what_to_paste(desk: Desk, open_page: OpenPage) -> None:
    app = open_export(open_page, add(desk))
    ask(app, "EXP-000077")
    assert "it begins with https://go.xero.com/" in app.warning[0].value


def set_mark(desk: Desk, export_id: int, state: MarkState, detail: str | None) -> None:
    with desk.store.begin() as session:
        session.add(
            tables.XeroMark(
                id="mark",
                export_id=export_id,
                xero_id=DOCUMENT,
                asked_by=world.AGENT,
                asked_at=utcnow(),
                reason=WHY,
                state=state,
                detail=detail,
                due_at=utcnow(),
                slice=0,
                state_before=ExportState.WAITING,
            )
        )


def test_what_xero_does_not_confirm_is_shown_with_both_sides_and_the_document(
    desk: Desk, open_page: OpenPage
) -> None:
    export_id = add(desk)
    set_mark(desk, export_id, MarkState.DECLINED, "In Xero it is 1.00 GBP for Acme, the export is 2.00 GBP.")
    shown = text_of(open_export(open_page, export_id))
    assert "In Xero it is 1.00 GBP for Acme, the export is 2.00 GBP." in shown
    assert DOCUMENT in shown


def test_a_mark_on_a_broken_connection_says_that_it_waits(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk, world.BROKEN)
    set_mark(desk, export_id, MarkState.ASKED, None)
    assert "is checked once the workspace is reconnected" in text_of(open_export(open_page, export_id))


def test_what_is_confirmed_says_who_said_so_and_can_be_taken_back(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk, state=ExportState.DELIVERED, xero_id=DOCUMENT, delivered_at=utcnow())
    set_mark(desk, export_id, MarkState.CONFIRMED, "Xero has it.")
    app = open_export(open_page, export_id)
    assert f"{world.AGENT} said so, and Xero confirmed it: {WHY}" in text_of(app)
    app.button(key="back").click().run()
    app.text_area(key="closing-reason").set_value("Wrong one")
    app.button(key="back-now").click().run()
    assert (stored(desk, export_id).state, stored(desk, export_id).xero_id) == (ExportState.WAITING, None)


def test_a_retry_of_this_one_export_is_planned(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk)
    app = open_export(open_page, export_id)
    app.button(key="plan").click().run()
    with desk.store.read() as session:
        assert [item.export_id for item in session.query(tables.PlanItem)] == [export_id]


def test_numbers_in_tables_lead_to_the_page(desk: Desk, open_page: OpenPage) -> None:
    export_id = add(desk)
    with desk.store.begin() as session:
        plan_id = planning.plan(session, AGENT, export_ids=[export_id])
    assert f'href="/export?id={export_id}"' in text_of(open_page(navigation.RETRY, world.AGENT, plan=plan_id))
    frame = open_page(navigation.FAILED_EXPORTS, world.AGENT).dataframe[0].value
    assert f"/export?id={export_id}#EXP-000077" in list(frame["Export"])
    with desk.store.begin() as session:
        closing.set_aside(session, AGENT, export_id, "Approved twice")
    history = text_of(open_page(navigation.WORKSPACE, world.AGENT, id=world.HEALTHY))
    assert f'href="/export?id={export_id}"' in history


def test_of_many_those_that_could_not_be_set_aside_are_named(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        session.query(tables.Export).filter_by(number="EXP-000002").one().state = ExportState.IN_DOUBT
    app = open_page(navigation.WORKSPACE, world.AGENT, id=world.BROKEN)
    select_rows(app, "waiting", [0, 1, 2])
    app.run()
    app.button(key="waiting-aside").click().run()
    app.text_area(key="set-aside-reason").set_value("Entered by hand")
    app.button(key="set-aside-now").click().run()
    said = app.warning[0].value
    assert said.startswith("2 exports set aside. 1 other not: EXP-000002 may be in Xero already.")


def test_its_receipts_say_whether_they_are_in_xero_and_what_is_in_the_way(
    desk: Desk, open_page: OpenPage
) -> None:
    export_id = add(desk, state=ExportState.DELIVERED, xero_id=DOCUMENT)
    assert "Receipts" not in [header.value for header in open_export(open_page, export_id).header]
    with desk.store.begin() as session:
        world.add_receipt(session, export_id)
        receipt = session.query(tables.Receipt).filter_by(export_id=export_id).one()
        receipt.state, receipt.code, receipt.message = (
            ReceiptState.FAILED,
            "XERO08",
            "It is <b>too large</b>.",
        )
        receipt.size_bytes, receipt.tried_at, receipt.correlation_id = 11_534_336, utcnow(), "c0ffee"
    shown = text_of(open_export(open_page, export_id))
    assert "taxi.pdf" in shown
    assert "XERO08: It is &lt;b&gt;too large&lt;/b&gt;." in shown
    assert "11.0 MB" in shown
    with desk.store.begin() as session:
        session.query(tables.Receipt).filter_by(export_id=export_id).one().size_bytes = 700
    assert "1 KB" in text_of(open_export(open_page, export_id))
    assert "correlation id c0ffee" in shown
