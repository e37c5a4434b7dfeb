"""Reads a long list page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from services.xero.api import ACCOUNTING, Api, understood

PAGE_SIZE = 1000  # the largest Xero gives


def rows(
    api: Api,
    organisation_id: str,
    resource: str,
    params: Mapping[str, str | int] | None = None,
    *,
    modified_since: datetime | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield every element of a paged resource, for example "Invoices"; each page is one call."""
    for page in count(1):
        answer = api.request(
            "GET",
            f"{ACCOUNTING}/{resource}",
            organisation_id=organisation_id,
            params={**(params or {}), "page": page, "pageSize": PAGE_SIZE},
            modified_since=modified_since,
        )
        with understood(answer.correlation_id, written=False):
            found = list(answer.data[resource])
            pages = answer.data.get("pagination", {}).get("pageCount")
        yield from found
        # Xero leaves out the page count on some lists; then a page that is not full is the last.
        if not found or (len(found) < PAGE_SIZE if pages is None else page >= pages):
            return
