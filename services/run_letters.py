"""Telling who started a run that it has ended, or has to wait for long: one mail each, never a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services import catalogue, letters, members, messages, progress, results
from services.declined import Declined
from services.desk import Desk
from services.letters import Letter, RunNews
from services.messages import Channel, Kind
from services.results import Result
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState

STILL_WATCHED = timedelta(seconds=30)  # who just pressed the button is still looking
LONG_WAIT = timedelta(minutes=30)  # only a day's allowance takes longer to come back

_WORDS = {
    Result.IN_DOUBT: "in doubt: Xero is asked before anything is sent again",
    Result.HELD: "held: not tried, and the page of the retry says why of each",
    Result.NOT_TRIED: "not sent",
}


def tell_end(session: Session, desk: Desk, run: tables.RetryRun, *, now: datetime) -> None:
    """Queue the mail about a run's end, with the act that ends it.

    Nobody is told of a run that was over while they looked, of one that Relink started by itself, or that
    a link guest started: the run keeps a guest's address masked, and their link leads back to the results.
    """
    if run.told_at is None and now - run.started_at >= STILL_WATCHED:
        run.told_at = _mail(session, desk, run, letters.run_ended, now)


def tell_wait(desk: Desk, plan_id: str, *, why: str, until: datetime) -> None:
    """Mail who started a run that it waits for long; of several such waits, the first."""
    now = utcnow()
    with desk.store.begin() as session:
        run = session.get_one(tables.RetryRun, plan_id, with_for_update=True)
        if run.told_of_wait_at is None:
            letter = lambda news: letters.run_waits(news, why=why, until=until)  # noqa: E731
            run.told_of_wait_at = _mail(session, desk, run, letter, now)


def _mail(
    session: Session, desk: Desk, run: tables.RetryRun, write: Callable[[RunNews], Letter], now: datetime
) -> datetime | None:
    """Queue a letter to who started the run and return when, or None where it reaches nobody."""
    member = members.find(session, run.started_by)
    if member is None or Channel.EMAIL not in messages.channels(desk.settings):
        return None
    letter = write(_news(session, desk, run))
    try:
        messages.queue(
            session,
            desk.vault,
            kind=Kind.RUN,
            channel=Channel.EMAIL,
            recipient=member.email,
            subject=letter.subject,
            body=letter.body,
        )
    except Declined:  # an address that no mail service takes must not keep the run from ending
        return None
    return now


def _news(session: Session, desk: Desk, run: tables.RetryRun) -> RunNews:
    counted = progress.counts(session, [run.plan_id])[run.plan_id]
    return RunNews(
        arrived=counted.delivered,
        total=counted.total,
        left=tuple(_left(session, run.plan_id)),
        reason=run.reason,
        url=f"{desk.settings.public_url}/retry?plan={run.plan_id}",
    )


def _left(session: Session, plan_id: str) -> list[str]:
    refused = results.codes(session, plan_id, ExportState.FAILED)
    by_code = [
        f"{number:,} refused with {code}, {catalogue.get(code).title}"
        for code, number in sorted(refused.items(), key=lambda found: (-found[1], found[0]))
    ]
    lines = results.lines(session, plan_id)
    return by_code + [f"{line.count:,} {_WORDS[line.result]}" for line in lines if line.result in _WORDS]
