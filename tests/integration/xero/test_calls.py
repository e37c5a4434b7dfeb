"""Every way in which a connection breaks is told apart, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.xero.connections import list_connections
from services.xero.documents import find_bills
from services.xero.errors import Fault, XeroError
from services.xero.pace import Limits
from services.xero.reference import read_accounts, read_organisation
from tests.integration.sandbox.driver import Driver
from tests.integration.xero.desk import Desk


def failure(call: Callable[[], object]) -> XeroError:
    with pytest.raises(XeroError) as caught:
        call()
    return caught.value


def fault_of(desk: Desk) -> Fault:
    return failure(lambda: read_organisation(desk.api, desk.id)).fault


def test_an_access_token_that_ran_out_is_replaced_unseen(desk: Desk) -> None:
    desk.sandbox.control("POST", "/clock", advance_seconds=31 * 60)
    assert read_organisation(desk.api, desk.id).id == desk.id


def test_an_expired_login_is_told_as_such(desk: Desk) -> None:
    desk.sandbox.control("POST", f"/users/{desk.user['id']}/expire")
    assert fault_of(desk) is Fault.LOGIN_EXPIRED


def test_an_organisation_disconnected_in_xero_is_gone_from_the_list_too(desk: Desk) -> None:
    desk.sandbox.control("POST", "/disconnect", organisation=desk.id)
    assert fault_of(desk) is Fault.NOT_CONNECTED
    assert list_connections(desk.api) == []


def test_a_user_who_lost_the_role_is_not_connected(desk: Desk) -> None:
    desk.sandbox.control("PUT", f"/users/{desk.user['id']}/roles", organisation=desk.id, role="ReadOnly")
    assert fault_of(desk) is Fault.NOT_CONNECTED


def test_a_scope_that_is_gone_is_told_apart_from_an_expired_login(desk: Desk) -> None:
    path = f"/users/{desk.user['id']}/scopes/remove"
    for scope in ("accounting.settings.read", "accounting.settings"):
        desk.sandbox.control("POST", path, scope=scope)
    assert failure(lambda: read_accounts(desk.api, desk.id)).fault is Fault.SCOPE_MISSING
    assert find_bills(desk.api, desk.id, ["EXP-1"]) == []


def test_an_organisation_that_is_offline_is_no_reason_to_reconnect(desk: Desk) -> None:
    desk.sandbox.control("PATCH", f"/organisations/{desk.id}", status="offline")
    assert fault_of(desk) is Fault.ORGANISATION_OFFLINE
    assert len(list_connections(desk.api)) == 1


@pytest.mark.parametrize("mode", ["maintenance", "unavailable"])
def test_maintenance_means_later(desk: Desk, mode: str) -> None:
    desk.sandbox.control("PUT", "/maintenance", mode=mode)
    assert fault_of(desk) is Fault.UNAVAILABLE


def test_an_error_names_the_call_for_xero_s_support(desk: Desk) -> None:
    desk.sandbox.control("POST", "/disconnect", organisation=desk.id)
    assert failure(lambda: read_accounts(desk.api, desk.id)).correlation_id


def test_a_used_up_limit_is_told_with_its_waiting_time(desk: Desk) -> None:
    desk.sandbox.control("PUT", "/limits", mode="real", per_minute=0)
    error = failure(lambda: read_accounts(desk.api, desk.id))
    assert (error.fault, error.limit) == (Fault.THROTTLED, "minute")
    assert error.retry_after_seconds is not None
    assert 0 < error.retry_after_seconds <= 60


def test_limits_are_known_not_hit(sandbox: Driver) -> None:
    sandbox.control("PUT", "/limits", mode="real", per_minute=20, window_seconds=1)
    with Desk.connect(sandbox, limits=Limits(minute=20, window_seconds=1)) as desk:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda _: read_organisation(desk.api, desk.id), range(70)))
        assert desk.calls()["by_status"] == {"200": 70}
