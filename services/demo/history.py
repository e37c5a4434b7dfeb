"""Fourteen months of reports, deliveries, failures and repaired incidents, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from services import catalogue
from services.demo.names import MERCHANTS, TITLES
from services.store.engine import new_id
from services.store.states import ExportKind, ExportState, Health, IncidentState

MONTHS_OF_HISTORY = 14
CARD_SHARE = 0.2  # of reports that were paid by company card

#: Failures of healthy workspaces that still wait for somebody, and how often each is seen.
OPEN_FAILURES = (
    ("XERO27", 9), ("XERO33", 5), ("XERO95", 5), ("XERO78", 4), ("XERO68", 3), ("XERO14", 4), ("XERO52", 3),
    ("XERO08", 2), ("XERO83", 2), ("XERO76", 3), ("XERO31", 2), ("XERO99", 2), ("XERO87", 2), ("XERO46", 6),
)  # fmt: skip

PAST_CAUSES = (
    (Health.EXPIRED, "XERO11", 11),
    (Health.DISCONNECTED, "XERO11", 6),
    (Health.MISSING_SCOPE, "XERO45", 2),
    (Health.SYNC_ERROR, "XERO73", 3),
)


@dataclass(slots=True)
class Rows:
    """Rows for each table, ready for a bulk insert."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    exports: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Customer:
    """A workspace whose history is written."""

    workspace_id: str
    organisation_id: str
    currency: str
    accounts: Sequence[str]  #: codes of expense accounts
    people: Sequence[str]  #: submitters: contacts of the organisation
    weight: float  #: how many reports it makes, relative to the others
    broken_for: timedelta | None  #: None: works


class Historian:
    """Writes one customer after the other; the same seed writes the same history."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.rows = Rows()
        self._random = Random(seed)  # noqa: S311 - a demo, not a secret
        self._now = now
        self._report = 4000

    def write(self, customer: Customer, reports: int) -> None:
        """Write so many reports of a customer, the incidents of its past, and what waits now."""
        incidents = list(self._incidents(customer))
        for approved_at in sorted(self._moments(reports)):
            self._write_report(customer, approved_at, incidents)
        if customer.broken_for is not None:
            for _ in range(self._random.randint(9, 34)):
                late = self._now - customer.broken_for * self._random.random()
                self._write_report(customer, late, incidents)

    def _moments(self, number: int) -> Iterator[datetime]:
        span = timedelta(days=MONTHS_OF_HISTORY * 30)
        for _ in range(number):
            moment = self._now - span * self._random.random()
            weekend = moment.weekday() - 4  # people approve on working days
            yield moment - timedelta(days=weekend) if weekend > 0 else moment

    def _incidents(self, customer: Customer) -> Iterator[dict[str, Any]]:
        causes, weights = [c[:2] for c in PAST_CAUSES], [c[2] for c in PAST_CAUSES]
        for opened_at in self._moments(self._random.choice((0, 0, 1, 1, 2))):
            if self._now - opened_at < timedelta(days=9):
                continue  # the present is found by real syncs
            cause, code = self._random.choices(causes, weights)[0]
            repaired_at = opened_at + timedelta(hours=self._random.lognormvariate(3.2, 0.9))
            closed_at = repaired_at + timedelta(minutes=self._random.randint(3, 400))
            incident = {
                "id": new_id(),
                "workspace_id": customer.workspace_id,
                "state": IncidentState.CLOSED,
                "cause": cause.value,
                "code": code,
                "detail": catalogue.get(code).message,
                "opened_at": opened_at,
                "reconnected_at": repaired_at,
                "closed_at": closed_at,
            }
            self.rows.incidents.append(incident)
            yield incident

    def _write_report(
        self, customer: Customer, approved_at: datetime, incidents: list[dict[str, Any]]
    ) -> None:
        self._report += 1
        report_id = f"R{self._report:06}"
        person = self._random.choice(customer.people)
        self.rows.reports.append(
            {
                "id": report_id,
                "workspace_id": customer.workspace_id,
                "title": f"{self._random.choice(TITLES)}, {approved_at:%B}",
                "submitter_name": person,
                "submitter_email": f"{person.lower().replace(' ', '.')}@people.example",
                "currency": customer.currency,
                "approved_at": approved_at,
            }
        )
        if self._random.random() < CARD_SHARE:
            for number in range(1, self._random.randint(1, 2) + 1):
                self._write_export(customer, report_id, approved_at, incidents, card_expense=number)
        else:
            self._write_export(customer, report_id, approved_at, incidents, card_expense=None)

    def _write_export(
        self,
        customer: Customer,
        report_id: str,
        approved_at: datetime,
        incidents: list[dict[str, Any]],
        *,
        card_expense: int | None,
    ) -> None:
        export_id = len(self.rows.exports) + 1
        amounts = self._write_lines(customer, report_id, export_id, approved_at, card_expense)
        kind = ExportKind.BILL if card_expense is None else ExportKind.BANK_TRANSACTION
        suffix = "" if card_expense is None else f"-{card_expense}"
        self.rows.exports.append(
            {
                "id": export_id,
                "number": f"EXP-{report_id}{suffix}",
                "report_id": report_id,
                "workspace_id": customer.workspace_id,
                "organisation_id": customer.organisation_id,
                "kind": kind,
                "amount": sum(amounts, Decimal(0)),
                "currency": customer.currency,
                "approved_at": approved_at,
                **self._fate(customer, approved_at, incidents),
            }
        )

    def _write_lines(
        self,
        customer: Customer,
        report_id: str,
        export_id: int,
        approved_at: datetime,
        card_expense: int | None,
    ) -> list[Decimal]:
        amounts = []
        many = 1 if card_expense else self._random.choice((1, 1, 2, 3, 4))
        for number in range(many):
            account = self._random.choice(customer.accounts)
            amount = Decimal(self._random.randint(350, 64_000)) / 100
            amounts.append(amount)
            self.rows.lines.append(
                {
                    "report_id": report_id,
                    "position": (card_expense or 1) + number,
                    "export_id": export_id,
                    "spent_on": (approved_at - timedelta(days=self._random.randint(1, 12))).date(),
                    "merchant": self._random.choice(MERCHANTS[account]),
                    "amount": amount,
                    "account_code": account,
                }
            )
        return amounts

    def _fate(
        self, customer: Customer, approved_at: datetime, incidents: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Say how the export went: delivered, failed in an incident and delivered after, or waiting now."""
        if customer.broken_for is not None and self._now - approved_at < customer.broken_for:
            return self._waits(approved_at)
        for incident in incidents:
            if incident["opened_at"] <= approved_at < incident["reconnected_at"]:
                return {
                    **_failed(incident["code"], approved_at + timedelta(minutes=4)),
                    "state": ExportState.DELIVERED,
                    "delivered_at": incident["closed_at"],
                    "incident_id": incident["id"],
                }
        return {"state": ExportState.DELIVERED, "delivered_at": approved_at + timedelta(minutes=7)}

    def _waits(self, approved_at: datetime) -> dict[str, Any]:
        if self._random.random() < 0.3:
            return {"state": ExportState.WAITING}
        return _failed("XERO11", approved_at + timedelta(minutes=4))

    def spoil(self) -> None:
        """Let some recent exports of healthy workspaces fail for reasons of their own."""
        since = self._now - timedelta(days=20)
        recent = [
            row
            for row in self.rows.exports
            if row["state"] is ExportState.DELIVERED
            and row["approved_at"] > since
            and "incident_id" not in row
        ]
        self._random.shuffle(recent)
        codes = [code for code, number in OPEN_FAILURES for _ in range(number)]
        for row, code in zip(recent, codes, strict=False):
            row.pop("delivered_at")
            row.update(_failed(code, row["approved_at"] + timedelta(minutes=4)))
            if code == "XERO27":
                self._line_of(row)["account_code"] = "498"  # archived in every demo organisation

    def _line_of(self, export: dict[str, Any]) -> dict[str, Any]:
        return next(line for line in self.rows.lines if line["export_id"] == export["id"])


def _failed(code: str, at: datetime) -> dict[str, Any]:
    return {
        "state": ExportState.FAILED,
        "code": code,
        "message": catalogue.message(code),
        "failed_at": at,
    }
