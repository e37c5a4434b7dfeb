"""Which organisations a Xero user has connected."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.xero.connections import XeroConnection, delete_connection, list_connections
from services.xero.errors import Fault, XeroError
from tests.unit.xero.scripted import Script

ROW: dict[str, Any] = {
    "id": "7cb59f93-2964-421d-bb5e-a0f7a4572a44",
    "authEventId": "d99ecdfe-391d-43d2-b834-17636ba90e8d",
    "tenantId": "fe79f7dd-b6d4-4a92-ba7b-538af6289c58",
    "tenantType": "ORGANISATION",
    "tenantName": "Demo Company (NZ)",
    "createdDateUtc": "2019-12-07T18:46:19.5165400",
    "updatedDateUtc": "2019-12-07T18:46:20",
}


def test_connections_are_read_with_their_moments_in_utc(xero: Script) -> None:
    xero.reply([ROW])
    with xero.api() as api:
        assert list_connections(api) == [
            XeroConnection(
                id="7cb59f93-2964-421d-bb5e-a0f7a4572a44",
                auth_event_id="d99ecdfe-391d-43d2-b834-17636ba90e8d",
                organisation_id="fe79f7dd-b6d4-4a92-ba7b-538af6289c58",
                organisation_name="Demo Company (NZ)",
                kind="ORGANISATION",
                created_at=datetime(2019, 12, 7, 18, 46, 19, 516540, tzinfo=UTC),
                updated_at=datetime(2019, 12, 7, 18, 46, 20, tzinfo=UTC),
            )
        ]
    assert xero.asked[0].query == {}


def test_the_connections_of_one_consent_can_be_asked_for(xero: Script) -> None:
    xero.reply([])
    with xero.api() as api:
        assert list_connections(api, "event-1") == []
    assert xero.asked[0].query == {"authEventId": "event-1"}


def test_a_connection_is_deleted_by_its_own_id(xero: Script) -> None:
    xero.reply(b"", 204)
    with xero.api() as api:
        delete_connection(api, ROW["id"])
    assert (xero.asked[0].method, xero.asked[0].path) == ("DELETE", f"/connections/{ROW['id']}")


@pytest.mark.parametrize(
    "answer", [None, {"connections": []}, [{}], ["x"], [ROW | {"createdDateUtc": "yesterday"}]]
)
def test_an_answer_of_another_shape_is_malformed(xero: Script, answer: Any) -> None:
    xero.reply(answer)
    with xero.api() as api, pytest.raises(XeroError) as caught:
        list_connections(api)
    assert (caught.value.fault, caught.value.may_have_been_done) == (Fault.MALFORMED, False)
