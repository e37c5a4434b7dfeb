"""The OAuth2 state: good once, for the member and the browser that it was given to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from services import members
from services.consents import ForeignState
from services.members import Member
from services.store import tables
from services.store.states import ReconnectState, Role
from tests.integration.office import Office
from tests.integration.trips import Trip, last_reconnect, leave

OTHER = "boris@shop.example"


def add_other_admin(office: Office, trip: Trip) -> None:
    with office.desk.store.begin() as session:
        members.add(session, email=OTHER, name="Boris", role=Role.ADMIN)
        session.add(tables.WorkspaceAdmin(workspace_id=trip.shop.workspace_id, email=OTHER))


Attempt = Callable[[Office, Trip, dict[str, str]], object]
FOREIGN: dict[str, Attempt] = {
    "unknown state": lambda _, trip, answer: trip.come_back({**answer, "state": "made-up"}),
    "no state": lambda _, trip, answer: trip.come_back({"code": answer["code"]}),
    "another browser": lambda _, trip, answer: trip.come_back(answer, browser="another-cookie"),
    "no cookie": lambda _, trip, answer: trip.come_back(answer, browser=""),
    "another member": lambda _, trip, answer: trip.come_back(
        answer, member=Member(OTHER, "Boris", Role.ADMIN)
    ),
}


@pytest.mark.parametrize("attempt", FOREIGN.values(), ids=FOREIGN)
def test_a_return_that_is_not_this_browsers_changes_nothing_and_uses_nothing_up(
    office: Office, attempt: Attempt
) -> None:
    shop = office.shop()
    trip = leave(office, shop)
    add_other_admin(office, trip)
    answer = trip.consent()
    with pytest.raises(ForeignState):
        attempt(office, trip, answer)
    assert last_reconnect(office, shop).state is ReconnectState.SENT_TO_XERO
    trip.come_back(answer)
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def test_a_return_is_good_once(office: Office) -> None:
    shop = office.shop()
    trip = leave(office, shop)
    answer = trip.consent()
    trip.come_back(answer)
    with pytest.raises(ForeignState):
        trip.come_back(answer)
    assert last_reconnect(office, shop).state is ReconnectState.VERIFIED


def test_neither_state_nor_cookie_nor_verifier_can_be_read_from_the_store(office: Office) -> None:
    trip = leave(office, office.shop())
    with office.desk.store.read() as session:
        [consent] = session.scalars(select(tables.Consent))
    stored = repr([getattr(consent, column.name) for column in tables.Consent.__table__.columns])
    assert trip.query["state"] not in stored
    assert "a-cookie-of-this-browser" not in stored
    assert office.desk.vault.open(consent.code_verifier) not in stored
