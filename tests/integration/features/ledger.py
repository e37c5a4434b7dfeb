"""What is in Xero, held against what the store says."""

from __future__ import annotations

from collections.abc import Sequence

from services.store.states import ExportState
from tests.integration.office import Office, Shop
from tests.patience import until


def assert_each_once(office: Office, shop: Shop, ids: Sequence[int]) -> None:
    """All of them are delivered under the id of the one document in Xero that has their number."""
    ledger = office.ledger(shop)
    in_xero = {document["number"]: document["id"] for document in ledger["documents"]}
    stored = [office.export(export_id) for export_id in ids]
    assert {export.state for export in stored} == {ExportState.DELIVERED}
    assert {export.number: export.xero_id for export in stored} == in_xero
    assert (ledger["count"], ledger["duplicates"]) == (len(ids), {})


def wait_for_calls(office: Office, shop: Shop, path: str, number: int) -> None:
    """Wait until a call whose caller is gone has done its work all the same."""
    until(lambda: office.calls(shop)["by_path"].get(path, 0) >= number)
