"""Workspaces of which nothing was asked for a while."""

from __future__ import annotations

from datetime import timedelta

from services.store import tables
from services.store.engine import utcnow
from tests.integration.office import Office, Shop


def aged(office: Office, *shops: Shop, ago: timedelta = timedelta(hours=25)) -> None:
    """Let these workspaces have been verified, synced and asked about so long ago."""
    then = utcnow() - ago
    for shop in shops:
        office.change(tables.Connection, shop.workspace_id, verified_at=then, last_synced_at=then)
        office.change(tables.Sync, office.last_sync(shop).id, requested_at=then)
    office.xero.control("DELETE", "/calls")
