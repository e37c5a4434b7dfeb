"""How the worker calls Xero: one client an organisation, at the pace Xero's own headers allow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from services import grants
from services.desk import Desk
from services.store import tables
from services.xero.api import Api
from services.xero.pace import Allowance, AppPace, OrganisationPace

MAX_WAIT_SECONDS = 2.0  # a longer wait parks the lane, so that its thread can work for others

#: One for the process: every call of our app counts, whoever makes it.
app_pace = AppPace()
_paces: dict[str, OrganisationPace] = {}
_lock = Lock()


@contextmanager
def xero(desk: Desk, *, grant_id: str, organisation_id: str) -> Iterator[Api]:
    """Open a client for one organisation; what Xero says is left of its limits is kept at the end."""
    pace = _pace(desk, organisation_id)
    api = Api(
        desk.app,
        token=lambda rejected: grants.access_token(desk, grant_id, rejected),
        pace=pace,
    )
    try:
        yield api
    finally:
        api.close()
        _keep(desk, organisation_id, pace.allowance())


def tenantless(desk: Desk, grant_id: str) -> Api:
    """Open a client for calls that concern a login and no organisation, e.g. which ones it connects."""
    return Api(desk.app, token=lambda rejected: grants.access_token(desk, grant_id, rejected), pace=app_pace)


def _pace(desk: Desk, organisation_id: str) -> OrganisationPace:
    # One lane at a time works for an organisation, so a pace kept in this process is exact, until
    # another worker has had the lane in between: then what that one stored counts.
    known = _known(desk, organisation_id)
    with _lock:
        pace = _paces.get(organisation_id)
        if pace is None or _is_newer(known, pace.allowance()):
            pace = OrganisationPace(
                desk.limits, app_pace, last_known=known, max_wait_seconds=MAX_WAIT_SECONDS
            )
            _paces[organisation_id] = pace
        return pace


def _is_newer(stored: Allowance | None, own: Allowance) -> bool:
    if stored is None or stored.read_at is None:
        return False
    return own.read_at is None or stored.read_at > own.read_at


def _known(desk: Desk, organisation_id: str) -> Allowance | None:
    with desk.store.read() as session:
        row = session.get(tables.Allowance, organisation_id)
        if row is None:
            return None
        return Allowance(
            minute_remaining=row.minute_remaining,
            day_remaining=row.day_remaining,
            app_minute_remaining=None,
            read_at=row.read_at,
            day_returns_at=row.day_returns_at,
        )


def _keep(desk: Desk, organisation_id: str, allowance: Allowance) -> None:
    if allowance.read_at is None:
        return
    with desk.store.begin() as session:
        session.merge(
            tables.Allowance(
                organisation_id=organisation_id,
                minute_remaining=allowance.minute_remaining,
                day_remaining=allowance.day_remaining,
                read_at=allowance.read_at,
                day_returns_at=allowance.day_returns_at,
            )
        )
