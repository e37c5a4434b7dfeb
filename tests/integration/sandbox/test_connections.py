"""What a user's token reaches, asked with Xero's own SDK where it has a call for it."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from xero_python.exceptions import HTTPStatusException, NotFoundException

from tests.integration.sandbox.driver import Driver


def test_connections_are_listed_with_every_field_xero_gives(sandbox: Driver) -> None:
    who = sandbox.connected(name="Alder & Finch Ltd")
    listed = sandbox.http.get("/connections", headers=who.headers).json()
    assert listed == [who.connection]
    assert who.connection | {"id": "", "authEventId": "", "createdDateUtc": "", "updatedDateUtc": ""} == {
        "id": "",
        "authEventId": "",
        "tenantId": who.organisation["id"],
        "tenantType": "ORGANISATION",
        "tenantName": "Alder & Finch Ltd",
        "createdDateUtc": "",
        "updatedDateUtc": "",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", who.connection["createdDateUtc"])


def test_the_sdk_reads_connections_and_keeps_its_tokens_fresh(sandbox: Driver) -> None:
    who = sandbox.connected()
    saved: list[dict[str, Any]] = []
    tenants = sandbox.sdk({**who.token, "expires_at": 0}, saved).identity.get_connections()
    assert [tenant.tenant_id for tenant in tenants] == [who.organisation["id"]]
    assert [token["refresh_token"] != who.token["refresh_token"] for token in saved] == [False, True]


def test_one_user_sees_all_their_organisations_and_nobody_elses(sandbox: Driver) -> None:
    first, second, foreign = (sandbox.organisation() for _ in range(3))
    user = sandbox.user({first["id"]: "Adviser", second["id"]: "Standard"})
    other = sandbox.user({second["id"]: "Adviser", foreign["id"]: "Adviser"})
    granted = sandbox.grant(user, first, second)
    sandbox.grant(other, second, foreign)
    listed = sandbox.sdk(granted["token"]).identity.get_connections()
    assert {tenant.tenant_id for tenant in listed} == {first["id"], second["id"]}


def test_the_authentication_event_picks_out_what_was_chosen_last(sandbox: Driver) -> None:
    who = sandbox.connected()
    second = sandbox.organisation()
    sandbox.control("PUT", f"/users/{who.user['id']}/roles", organisation=second["id"], role="Adviser")
    newest = sandbox.grant(who.user, second)
    event_id = newest["connections"][1]["authEventId"]
    api = sandbox.sdk(newest["token"]).identity
    assert [one.tenant_id for one in api.get_connections(auth_event_id=event_id)] == [second["id"]]
    assert api.get_connections(auth_event_id=str(uuid.uuid4())) == []


def test_reconnecting_renews_the_connection_but_keeps_its_birthday(sandbox: Driver) -> None:
    who = sandbox.connected()
    sandbox.control("POST", "/disconnect", organisation=who.organisation["id"])
    again = sandbox.grant(who.user, who.organisation)["connections"][0]
    assert again["createdDateUtc"] == who.connection["createdDateUtc"]
    assert again["updatedDateUtc"] > who.connection["updatedDateUtc"]
    assert again["authEventId"] != who.connection["authEventId"]


def test_deleting_a_connection_ends_only_that_one(sandbox: Driver) -> None:
    first, second = sandbox.organisation(), sandbox.organisation()
    user = sandbox.user({first["id"]: "Adviser", second["id"]: "Adviser"})
    granted = sandbox.grant(user, first, second)
    api = sandbox.sdk(granted["token"]).identity
    gone = next(one["id"] for one in granted["connections"] if one["tenantId"] == first["id"])
    _, status, _ = api.delete_connection(gone, _return_http_data_only=False)
    assert status == 204
    assert [one.tenant_id for one in api.get_connections()] == [second["id"]]
    with pytest.raises(NotFoundException):
        api.delete_connection(gone)


def test_a_tenant_id_or_somebody_elses_connection_cannot_be_deleted(sandbox: Driver) -> None:
    mine, theirs = sandbox.connected(), sandbox.connected()
    api = sandbox.sdk(mine.token).identity
    with pytest.raises(HTTPStatusException) as refused:
        api.delete_connection(mine.organisation["id"])
    assert refused.value.status == 403
    with pytest.raises(NotFoundException):
        api.delete_connection(theirs.connection["id"])
    assert len(sandbox.sdk(theirs.token).identity.get_connections()) == 1


def test_the_path_may_be_written_in_any_case(sandbox: Driver) -> None:
    who = sandbox.connected()
    assert sandbox.http.get("/Connections", headers=who.headers).json() == [who.connection]
    answer = sandbox.http.delete(f"/Connections/{who.connection['id'].upper()}", headers=who.headers)
    assert answer.status_code == 204
