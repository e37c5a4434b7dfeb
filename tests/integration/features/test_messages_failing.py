"""Messages that do not get through: tried again, given up aloud, and never sent twice by a crash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from services import messages
from services.due import due
from services.messages import Kind
from services.store import tables
from services.store.engine import utcnow
from services.store.states import MessageState
from services.store.vault import Vault, VaultLocked
from tests.integration import crash
from tests.integration.features.letterbox import (
    ANNA,
    BEN,
    BODY,
    SUBJECT,
    queue,
    seen,
    stored,
)
from tests.integration.office import Office
from tests.integration.sandbox.driver import Mail
from tests.patience import until

PAUSES_SECONDS = (30, 120, 600)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"reset": "before"}])
def test_a_mail_that_is_not_taken_is_tried_again_after_growing_pauses(
    office: Office, fault: dict[str, object]
) -> None:
    message_id = queue(office)
    office.xero.mail_fails(ANNA, times=3, **fault)
    assert office.work_off() == 1
    for pause in PAUSES_SECONDS:
        assert seen(office, message_id).state is MessageState.QUEUED
        assert office.work_off(ahead=timedelta(seconds=pause / 2)) == 0
        assert office.work_off(ahead=timedelta(seconds=pause)) == 1
    assert seen(office, message_id).state is MessageState.SENT
    assert office.xero.mails(ANNA) == [Mail(SUBJECT, BODY)]


def test_after_four_tries_it_is_given_up_and_says_so(office: Office) -> None:
    message_id = queue(office)
    office.xero.mail_fails(ANNA, times=5, status=503)
    assert office.work_off(ahead=timedelta(hours=1)) == 4
    given_up = seen(office, message_id)
    assert (given_up.state, given_up.sent_at) == (MessageState.FAILED, None)
    assert given_up.error == messages.NOT_TAKEN.format(4)
    assert office.xero.mails(ANNA) == []


def test_a_worker_killed_after_the_mail_left_does_not_send_it_again(office: Office) -> None:
    message_id = queue(office)
    crash.start(office.desk.settings, dies_at_commit=2).join()  # the first commit claims, the second settles
    assert office.xero.mails(ANNA) == [Mail(SUBJECT, BODY)]
    assert seen(office, message_id).state is MessageState.SENDING
    messages.send(office.desk, message_id, 0)  # as the engine does when the worker is there again
    assert office.work_off(ahead=timedelta(minutes=4)) == 0
    assert office.work_off(ahead=timedelta(minutes=5)) == 1
    assert (seen(office, message_id).state, seen(office, message_id).error) == (
        MessageState.FAILED,
        messages.UNKNOWN,
    )
    assert len(office.xero.mails(ANNA)) == 1
    assert stored(office, message_id).body is None


def test_a_worker_killed_before_it_took_the_mail_in_hand_leaves_it_to_the_next(office: Office) -> None:
    message_id = queue(office)
    crash.start(office.desk.settings, dies_at_commit=1).join()
    assert office.xero.mails(ANNA) == []
    office.work_off()
    assert seen(office, message_id).state is MessageState.SENT
    assert len(office.xero.mails(ANNA)) == 1


def test_two_workers_at_once_send_it_once(office: Office) -> None:
    message_id = queue(office)
    office.xero.mail_fails(ANNA, delay_seconds=0.3)
    with ThreadPoolExecutor(4) as workers:
        for done in [workers.submit(messages.send, office.desk, message_id, 0) for _ in range(4)]:
            done.result()
    assert seen(office, message_id).state is MessageState.SENT
    assert len(office.xero.mails(ANNA)) == 1


def test_a_late_answer_does_not_undo_what_was_said_meanwhile(office: Office) -> None:
    message_id = queue(office)
    office.xero.mail_fails(ANNA, delay_seconds=2.0)
    with ThreadPoolExecutor(1) as worker:
        sending = worker.submit(messages.send, office.desk, message_id, 0)
        until(lambda: seen(office, message_id).state is MessageState.SENDING)
        messages.send(office.desk, message_id, 1)  # as when it is thought dead
        sending.result()
    assert seen(office, message_id).error == messages.UNKNOWN
    assert seen(office, message_id).state is MessageState.FAILED


def test_a_code_is_not_sent_when_it_is_too_late_for_it(office: Office) -> None:
    late, link = queue(office, kind=Kind.CODE), queue(office, BEN)
    for message_id in (late, link):
        office.change(tables.Message, message_id, queued_at=utcnow() - timedelta(minutes=16))
    office.work_off()
    assert (seen(office, late).state, seen(office, late).error) == (MessageState.FAILED, messages.TOO_LATE)
    assert stored(office, late).body is None
    assert seen(office, link).state is MessageState.SENT
    assert office.xero.mails(ANNA) == []


def test_what_relink_itself_cannot_send_is_given_up_in_the_end(office: Office) -> None:
    message_id = queue(office)
    locked = replace(office.desk, vault=Vault([Fernet.generate_key().decode()]))
    for try_ in range(messages.TRIES):
        with pytest.raises(VaultLocked):
            messages.send(locked, message_id, try_)
        messages.queue_stranded_again(locked, message_id, try_)
        messages.queue_stranded_again(locked, message_id, try_)  # told twice, counted once
    assert (seen(office, message_id).state, seen(office, message_id).error) == (
        MessageState.FAILED,
        messages.OWN_FAULT,
    )


def test_each_queueing_has_an_id_of_its_own_for_the_engine(office: Office) -> None:
    queue(office)
    office.xero.mail_fails(ANNA, times=2, status=503)
    ids = set()
    for _ in range(3):
        with office.desk.store.read() as session:
            [work] = due(session, now=utcnow() + timedelta(hours=1))
        ids.add(work.id)
        messages.send(office.desk, *work.arguments)  # type: ignore[arg-type]
    assert len(ids) == 3


def test_a_hanging_mail_server_cannot_take_every_place(office: Office) -> None:
    for number in range(40):
        queue(office, f"somebody{number}@shop.example")
    with office.desk.store.read() as session:
        work = due(session, now=utcnow())
    assert len(work) == 40
    assert len({piece.partition for piece in work}) <= 4
