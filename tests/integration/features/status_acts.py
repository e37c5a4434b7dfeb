"""What is done in the status matrix: to the sandbox, to find out, and to mend; each by its name alone.

A break touches the sandbox through its control API only. The few that are states of ours (a workspace
that was never connected) say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy import update

from services import upkeep
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ReconnectState, SyncState
from tests.integration import trips
from tests.integration.office import Office, Shop

Act = Callable[[Office, Shop], None]

SOON = timedelta(minutes=10)  # longer than any pause of a sync or a lane
UPKEEP_LATER = timedelta(minutes=6)  # a turn of upkeep that may ask Xero once more
NEXT_DAY = timedelta(hours=25)


# Breaks: the sandbox's control API


def nothing(_office: Office, _shop: Shop) -> None:
    """Leave everything as it is."""


def login(act: str, **body: Any) -> Act:
    """Do something to the Xero login behind the workspace."""
    return lambda office, shop: office.xero.control("POST", f"/users/{shop.user['id']}/{act}", **body)


def role(name: str | None) -> Act:
    """Give the login another role in the organisation, or none; the way to break it and to mend it."""
    return lambda office, shop: office.xero.control(
        "PUT", f"/users/{shop.user['id']}/roles", organisation=shop.organisation_id, role=name
    )


def organisation(**change: Any) -> Act:
    """Change the organisation in Xero."""
    return lambda office, shop: office.xero.control(
        "PATCH", f"/organisations/{shop.organisation_id}", **change
    )


def outage(mode: str) -> Act:
    """Begin or end an outage of the whole API."""
    return lambda office, _shop: office.xero.control("PUT", "/maintenance", mode=mode)


def api(path: str, method: str = "GET", **fault: Any) -> Act:
    """Let the next such call to the organisation go wrong."""
    return lambda office, shop: office.fault(shop, method, path, **fault)


def listing(**fault: Any) -> Act:
    """Let the next look at which organisations the login sees go wrong."""
    return lambda office, _shop: office.xero.control("POST", "/faults", path="^/connections$", **fault)


def problem(status: int, detail: str, *, old: bool = False, **fault: Any) -> dict[str, Any]:
    """Return a fault with Xero's problem JSON, in the lower case of 2019 if `old`."""
    title = {401: "Unauthorized", 403: "Forbidden"}[status]
    body: dict[str, Any] = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Extensions": {},
    }
    if old:
        body = {name.lower(): value for name, value in body.items()}
    return {"status": status, "body": json.dumps(body), **fault}


TOKEN_EXPIRED = "TokenExpired: token expired at 04/29/2020 09:22:02"


def token_runs_out(office: Office, _shop: Shop) -> None:
    """Have the next call answered as when the access token is over its half hour."""
    calls = r"^/(connections|api\.xro)\b"
    office.xero.control("POST", "/faults", path=calls, **problem(401, TOKEN_EXPIRED))


def token_endpoint(**fault: Any) -> Act:
    """Let the access token run out, and the refresh that follows go wrong."""

    def broken(office: Office, shop: Shop) -> None:
        token_runs_out(office, shop)
        office.xero.control("POST", "/faults", path="/connect/token", **fault)

    return broken


def refused(error: str, status: int = 400) -> dict[str, Any]:
    """Return a fault with the token endpoint's refusal."""
    return {"status": status, "body": json.dumps({"error": error})}


def limit(name: str, **headers: str) -> dict[str, Any]:
    """Return a fault that says that a limit is used up."""
    return {"status": 429, "headers": {"X-Rate-Limit-Problem": name, **headers}}


def both(*acts: Act) -> Act:
    """Do one after the other."""

    def all_of_them(office: Office, shop: Shop) -> None:
        for act in acts:
            act(office, shop)

    return all_of_them


def accounts(status: str) -> Act:
    """Archive every account of the organisation, or restore them."""

    def change(office: Office, shop: Shop) -> None:
        [found] = [
            one
            for one in office.xero.control("GET", "/world")["organisations"]
            if one["id"] == shop.organisation_id
        ]
        for account in found["accounts"]:
            path = f"/organisations/{shop.organisation_id}/accounts/{account['code']}"
            office.xero.control("POST", path, status=status)

    return change


def another_user_connects(*, stays: bool) -> Act:
    """Connect the organisation as another user too, and then disconnect one of the two."""

    def connect(office: Office, shop: Shop) -> None:
        other = office.xero.user({shop.organisation_id: "Standard"})
        office.xero.grant(other, dict(shop.organisation))
        gone = shop.user if stays else other
        office.xero.control("POST", "/disconnect", organisation=shop.organisation_id, user=gone["id"])

    return connect


def one_of_several_disconnected(office: Office, shop: Shop) -> None:
    """Disconnect this organisation of a login that connected another one as well."""
    office.branch(shop.user)
    office.disconnect(shop)


def slow_answer(office: Office, shop: Shop) -> None:
    """Have Xero answer later than Relink waits; for the test it waits half a second, not a minute."""
    office.fault(shop, "GET", "Organisation", delay_seconds=1.5)
    office.desk = replace(office.desk, app=replace(office.desk.app, api_timeout_seconds=0.5))


# Breaks: states of ours that no act at Xero leads to


def no_organisation(office: Office, shop: Shop) -> None:
    """Make it a workspace that consented and then chose no organisation."""
    office.change(tables.Connection, shop.workspace_id, organisation_id=None)


# How Relink finds out


def sync_now(office: Office, shop: Shop) -> None:
    """Press Sync Now, and have a worker do it."""
    office.sync(shop)


def daily_upkeep(office: Office, shop: Shop) -> None:
    """Have the daily look at this login come by."""
    _a_day_ago(office, shop)
    upkeep.verify_grants(office.desk)
    office.work_off()


def _a_day_ago(office: Office, shop: Shop) -> None:
    ago = utcnow() - NEXT_DAY
    office.change(tables.Connection, shop.workspace_id, verified_at=ago)
    with office.desk.store.begin() as session:
        of_shop = tables.Sync.workspace_id == shop.workspace_id
        session.execute(update(tables.Sync).where(of_shop).values(requested_at=ago))


def retry(office: Office, shop: Shop) -> None:
    """Retry what waits, and have a worker do it until it has to pause."""
    office.retry(shop)
    office.work_off()


# What mends it


def upkeep_asks_again(office: Office, _shop: Shop) -> None:
    """Let minutes pass: nobody does anything, and upkeep asks a Xero that did not answer again."""
    with time_machine.travel(utcnow() + UPKEEP_LATER):
        assert upkeep.queue_syncs(office.desk) == 1
        office.work_off()


def pause_is_over(office: Office, _shop: Shop) -> None:
    """Let the pause of a parked sync or lane pass: it goes on by itself."""
    assert office.work_off(ahead=SOON)


def limit_is_over(office: Office, shop: Shop) -> None:
    """Let the window of a limit end, as told by another worker that called the organisation since."""
    known = {"minute_remaining": 60, "day_remaining": 4_000, "day_returns_at": None}
    office.change(tables.Allowance, shop.organisation_id, **known, read_at=utcnow() + SOON)


def reconnect(office: Office, shop: Shop) -> None:
    """Reconnect with the login and the organisation of before; a sync proves it."""
    assert trips.reconnect(office, shop).state is ReconnectState.VERIFIED
    office.work_off()
    assert office.last_sync(shop).state is SyncState.SUCCEEDED


def patience(office: Office, _shop: Shop) -> None:
    """Wait for Xero's answers as long as ever."""
    office.desk = replace(office.desk, app=replace(office.desk.app, api_timeout_seconds=60.0))
