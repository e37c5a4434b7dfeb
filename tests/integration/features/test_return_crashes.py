"""A process killed while it takes in a return from Xero: nothing is half done, and the next try works."""

from __future__ import annotations

import signal

import pytest

from services.store.states import Health, ReconnectState
from services.wizard import Act, wizard
from tests.integration import crash
from tests.integration.office import Office
from tests.integration.trips import BROWSER, last_reconnect, leave, reconnect

#: The commits of a return that is accepted, as they come; the last two are after Xero's answer.
STATE_USED, RETURNED, RENEWED, ACCEPTED = 1, 2, 3, 4


@pytest.mark.parametrize("dies_at", [STATE_USED, RETURNED, RENEWED, ACCEPTED])
@pytest.mark.parametrize("expired", [True, False], ids=["expired", "alive"])
def test_a_return_killed_at_any_moment_is_followed_by_one_that_repairs_everything(
    office: Office, dies_at: int, expired: bool
) -> None:
    shop = office.shop()
    sibling = office.branch(shop.user)
    if expired:
        office.break_login(shop)
    before, trip = office.connection(shop), leave(office, shop)
    died = crash.start_return(
        office.desk.settings, office.admin, BROWSER, trip.consent(), dies_at_commit=dies_at
    )
    died.join()
    assert died.exitcode == -signal.SIGKILL
    after, stored = office.connection(shop), last_reconnect(office, shop)
    assert (after.grant_id, after.connected_at) == (before.grant_id, before.connected_at)
    came = ReconnectState.SENT_TO_XERO if dies_at <= RETURNED else ReconnectState.RETURNED
    assert (stored.state, office.work_off()) == (came, 0)
    with office.desk.store.read() as session:
        act = wizard(session, office.admin, shop.workspace_id).act
    still_there = Act.AT_XERO if dies_at <= RETURNED else Act.RECONNECT
    assert act is (still_there if expired else Act.NONE)  # a connection that works keeps nobody waiting
    if not expired:
        office.sync(sibling)  # the tokens it stands on still work, or the new ones do
        assert office.connection(sibling).health is Health.HEALTHY
    assert reconnect(office, shop).state is ReconnectState.VERIFIED
    office.work_off()
    assert [office.connection(each).health for each in (shop, sibling)] == [Health.HEALTHY] * 2
