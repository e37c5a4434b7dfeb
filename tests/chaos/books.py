"""Accounts for every export, attempt, document and call after a storm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from services.store import tables
from services.store.states import GOES, AttemptState, ExportState
from tests.chaos.town import Town

PATHS = ("/api.xro/2.0/Invoices", "/api.xro/2.0/BankTransactions")
ENDED = frozenset({AttemptState.DELIVERED, AttemptState.REFUSED, AttemptState.NOT_SENT})


@dataclass(frozen=True, slots=True)
class Books:
    """What Relink says, and what Xero says."""

    exports: Sequence[tables.Export]
    attempts: Mapping[int, Sequence[tables.Attempt]]  #: of each export, oldest first
    results: Sequence[tables.PlanItem]  #: of what the retries worked on
    documents: Sequence[Mapping[str, Any]]
    duplicates: Mapping[str, int]
    sends: Mapping[str, int]  #: calls that create documents, by their key

    @classmethod
    def open(cls, town: Town) -> Books:
        """Read both sides."""
        xero = town.office.xero
        ledger = xero.control("GET", "/ledger")
        sends: dict[str, int] = {}
        for path in PATHS:
            sends |= xero.http.get("/sandbox/calls/keys", params={"path": path}).json()
        with town.office.desk.store.read() as session:
            attempts: dict[int, list[tables.Attempt]] = defaultdict(list)
            for attempt in session.scalars(select(tables.Attempt).order_by(tables.Attempt.id)):
                attempts[attempt.export_id].append(attempt)
            going = select(tables.PlanItem).where(tables.PlanItem.verdict.in_(GOES))
            return cls(
                exports=session.scalars(select(tables.Export)).all(),
                attempts=attempts,
                results=session.scalars(going).all(),
                documents=ledger["documents"],
                duplicates=ledger["duplicates"],
                sends=sends,
            )

    @property
    def batches(self) -> Mapping[str, AttemptState]:
        """Each batch with the state of one of its attempts."""
        return {each.batch: each.state for of_it in self.attempts.values() for each in of_it}

    @property
    def in_doubt(self) -> int:
        """How many exports may or may not be in Xero."""
        return sum(export.state in (ExportState.IN_DOUBT, ExportState.SENDING) for export in self.exports)

    def complaints(self, expected: int) -> Iterator[str]:
        """Say everything that does not add up; nothing when all does."""
        if len(self.documents) != expected:
            yield f"{len(self.documents):,} documents in Xero instead of {expected:,}"
        if self.duplicates:
            yield f"{len(self.duplicates):,} numbers are in Xero more than once"
        yield from self._exports_left(expected)
        for export in self.exports:
            yield from self._open_attempts(export)
        yield from self._unexplained_documents()
        yield from self._unexplained_sends()

    def _exports_left(self, expected: int) -> Iterator[str]:
        for export in self.exports:
            if export.state is not ExportState.DELIVERED:
                yield f"{export.number} is {export.state}: {export.message}"
        delivered = sum(item.result is ExportState.DELIVERED for item in self.results)
        if (delivered, len(self.results)) != (expected, expected):
            yield f"the retries say that they delivered {delivered:,} of {len(self.results):,}"

    def _open_attempts(self, export: tables.Export) -> Iterator[str]:
        """Each attempt has its end: an answer, or what a look-up said later; one of them delivered."""
        of_it = self.attempts[export.id]
        if not of_it:
            yield f"{export.number} was never tried"
        for attempt in of_it:
            if attempt.state not in ENDED or attempt.answered_at is None:
                yield f"{export.number} has an attempt {attempt.id} ({attempt.state}) without an end"
        if sum(attempt.state is AttemptState.DELIVERED for attempt in of_it) != 1:
            yield f"{export.number} was not delivered by exactly one of its {len(of_it)} attempts"

    def _unexplained_documents(self) -> Iterator[str]:
        """A document belongs to one export, and an attempt of it came before."""
        by_id = {export.xero_id: export for export in self.exports}
        if len(by_id) != len(self.exports):
            yield "two exports claim the same document"
        for document in self.documents:
            export = by_id.get(document["id"])
            if export is None or (export.number, export.organisation_id) != (
                document["number"],
                document["organisation"],
            ):
                yield f"document {document['number']} belongs to no export"
                continue
            if not any(
                attempt.state is AttemptState.DELIVERED
                and attempt.sent_at <= datetime.fromisoformat(document["created_at"])
                for attempt in self.attempts[export.id]
            ):
                yield f"no attempt explains document {document['number']}"

    def _unexplained_sends(self) -> Iterator[str]:
        """A call that creates documents has the key of a batch, and a batch that was answered was sent."""
        batches = self.batches
        for key in self.sends.keys() - batches.keys():
            yield f"a send with the key {key} belongs to no batch"
        for batch, state in batches.items():
            if state is AttemptState.DELIVERED and batch not in self.sends:
                yield f"batch {batch} was answered and never sent"
