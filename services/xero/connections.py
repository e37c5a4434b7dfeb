"""Which organisations one Xero user has connected to the app; tenantless, so no organisation's limit pays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.xero.api import Api, understood
from services.xero.dates import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class XeroConnection:
    """One organisation that a Xero user has connected."""

    #: id of the connection itself, the one to delete it by
    id: str
    #: equals `TokenSet.authentication_event_id` of the consent that chose it
    auth_event_id: str | None
    organisation_id: str
    organisation_name: str
    #: ORGANISATION, PRACTICE and others
    kind: str
    created_at: datetime
    #: when it was last connected again
    updated_at: datetime


def list_connections(api: Api, auth_event_id: str | None = None) -> list[XeroConnection]:
    """List all connections of the token's user, or those chosen in one consent.

    An organisation that was disconnected in Xero is just missing; the list may be empty.
    """
    answer = api.request(
        "GET", "/connections", params={"authEventId": auth_event_id} if auth_event_id else None
    )
    with understood(answer.correlation_id, written=False):
        return [
            XeroConnection(
                id=row["id"],
                auth_event_id=row.get("authEventId"),
                organisation_id=row["tenantId"],
                organisation_name=row.get("tenantName") or "",
                kind=row["tenantType"],
                created_at=moment(row["createdDateUtc"]),
                updated_at=moment(row["updatedDateUtc"]),
            )
            for row in answer.data
        ]


def delete_connection(api: Api, connection_id: str) -> None:
    """Disconnect one organisation, leaving the user's others; NOT_FOUND when it is gone already."""
    api.request("DELETE", f"/connections/{connection_id}")
