"""Odd reports for tests: each with something that Xero may refuse, alone and two at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

from sqlalchemy.orm import Session

from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportKind, ExportState, ReceiptState
from services.xero.documents import MAX_ATTACHMENT_BYTES
from tests.integration.office import Office, Shop

YEAR_LOCK, PERIOD_LOCK = date(2026, 3, 31), date(2026, 6, 30)
CARD = "091"
USUAL_LINE: Mapping[str, Any] = {
    "spent_on": date(2026, 9, 24),
    "merchant": "Parkway Cabs",
    "amount": Decimal("12.50"),
    "account_code": "493",
    "tax_type": "INPUT2",
    "tracking_category": None,
    "tracking_option": None,
}


@dataclass(frozen=True, kw_only=True)
class Odd:
    """What is unusual about a report; what is not named is as usual."""

    name: str
    expense: Mapping[str, Any] = field(default_factory=dict)
    submitter: str = "Amelia Ward"
    currency: str = "GBP"
    suffix: str = ""  #: of the number
    card: str | None = CARD
    receipt_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class OddReport:
    """One report as it is stored: one document of a kind, and its expenses."""

    odd: Odd
    kind: ExportKind
    expenses: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.odd.name}"

    @property
    def is_good(self) -> bool:
        return self.odd in GOOD


def _expense(name: str, **changes: Any) -> Odd:
    return Odd(name=name, expense=changes)


def _tag(category: str | None, option: str | None) -> Odd:
    return _expense(f"tag {category}, {option}"[:40], tracking_category=category, tracking_option=option)


GOOD = (
    Odd(name="nothing odd"),
    Odd(name="submitter in other case", submitter="amelia WARD"),
    Odd(name="submitter with blanks around", submitter=" Amelia Ward\x0b"),
    Odd(name="submitter unknown to Xero", submitter="Nobody Known"),
    Odd(name="submitter of 255 characters", submitter="N" * 255),
    Odd(name="submitter with an archived namesake", submitter="Leila Haddad"),
    Odd(name="submitter with an archived namesake in other case", submitter="Jonas Berg"),
    Odd(name="another currency that is enabled", currency="EUR"),
    Odd(name="currency in lower case", currency="gbp"),
    Odd(name="number of 255 characters", suffix="9" * 245),
    Odd(name="receipt of exactly 10 MB", receipt_bytes=MAX_ATTACHMENT_BYTES),
    _expense("the day after the lock", spent_on=date(2026, 7, 1)),
    _expense("usual tax of the account", tax_type=None),
    _expense("tax type in lower case", tax_type="input2"),
    _expense("no tax", tax_type="NONE"),
    _expense("revenue account, its own tax", account_code="200", tax_type=None),
    _expense("equity account", account_code="970"),
    _expense("account hidden from expense claims", account_code="489"),
    _expense("description of 4,000 characters", merchant="x" * 4000),
    _expense("letters of the world", merchant="Café 🍰 Größe 東京"),
    _expense("tab and line break", merchant="one\ttwo\nthree"),
    _expense("merchant that reads like an error", merchant="XERO11: lock date, invalid character"),
    _expense("merchant of one blank", merchant=" "),
    _expense("four decimals", amount=Decimal("12.3456")),
    _expense("half a cent", amount=Decimal("0.0050")),
    _tag("Region", "North"),
    _tag("region", "nORTH"),
    _tag(None, "North"),
)

#: One of each check: these are put together, two at a time.
KINDS_OF_WRONG = (
    Odd(name="currency not enabled", currency="UAH"),
    Odd(name="submitter missing", submitter=""),
    Odd(name="submitter archived", submitter="Callum Reid"),
    Odd(name="submitter too long", submitter="N" * 256),
    Odd(name="submitter with a control character", submitter="Jo\x1fHill"),
    Odd(name="number too long", suffix="9" * 256),
    Odd(name="number not ASCII", suffix="-Größe"),
    Odd(name="bank account archived", card="090"),
    Odd(name="receipt too large", receipt_bytes=MAX_ATTACHMENT_BYTES + 1),
    _expense("dated in a locked period", spent_on=PERIOD_LOCK),
    _expense("no category", account_code=""),
    _expense("unknown account", account_code="999"),
    _expense("system account", account_code="610"),
    _expense("tax does not fit", tax_type="OUTPUT2"),
    _expense("tax rate deleted", tax_type="RRINPUT"),
    _tag("Region", "West"),
    _expense("no description", merchant=""),
    _expense("description too long", merchant="x" * 4001),
    _expense("control character", merchant="Taxi\x0b"),
    _expense("too large", amount=Decimal(10) ** 12),
    _expense("less than nothing", amount=Decimal("-50.00")),
)

ODD = (
    Odd(name="submitter of blanks", submitter="  "),
    Odd(name="submitter archived, in other case", submitter="callum REID "),
    Odd(name="number with a tab", suffix="\t1"),
    Odd(name="number with a control character", suffix="\x01"),
    Odd(name="number with a delete", suffix="\x7f"),
    Odd(name="no bank account", card=None),
    Odd(name="empty bank account", card=""),
    Odd(name="unknown bank account", card="777"),
    Odd(name="bank account that is none", card="493"),
    _expense("on the year-end lock date", spent_on=YEAR_LOCK),
    _expense("long before any lock date", spent_on=date(1999, 1, 1)),
    _expense("category of a blank", account_code=" "),
    _expense("category with a blank after it", account_code="493 "),
    _expense("category that reads like an error", account_code="lock date"),
    _expense("category that reads as closed", account_code="it's paid"),
    _expense("archived account", account_code="498"),
    _expense("bank account as category", account_code=CARD),
    _expense("account of the tax office", account_code="820"),
    _expense("unknown account, usual tax", account_code="999", tax_type=None),
    _expense("archived account, tax does not fit", account_code="498", tax_type="OUTPUT2"),
    _expense("system account, unknown tax", account_code="610", tax_type="GALACTIC"),
    _expense("account whose own tax does not fit", account_code="485", tax_type=None),
    _expense("account whose own tax is unknown", account_code="480", tax_type=None),
    _expense("revenue account, tax on expenses", account_code="200"),
    _expense("unknown tax", tax_type="GALACTIC"),
    _expense("tax of a blank", tax_type=" "),
    _tag("Region", "Atlantis"),
    _tag("Region", None),
    _tag("Region", "lock date"),
    _tag("Region", "O'Brien's"),
    _tag("Region", "T" * 100),
    _tag("Team", "North"),
    _tag("Department", "Sales"),
    _expense("character that is none", merchant="\ufffe"),
    _expense("nothing", amount=Decimal(0)),
    _expense("less than half a cent", amount=Decimal("0.0040")),
    _expense("rounded to too large", amount=Decimal("999999999999.9950")),
    _expense("more digits than a number has", amount=Decimal("123456789012.3456")),
)


def odd_reports() -> Iterator[OddReport]:
    """Yield every oddity as each kind of document, alone and two at a time, and a report of no expense."""
    for kind in ExportKind:
        for odd in (*GOOD, *KINDS_OF_WRONG, *ODD):
            yield OddReport(odd=odd, kind=kind, expenses=(odd.expense,))
        yield OddReport(odd=Odd(name="no expenses"), kind=kind, expenses=())
        for one, other in combinations(KINDS_OF_WRONG, 2):
            yield OddReport(odd=_both(one, other), kind=kind, expenses=(one.expense, other.expense))
            if one.expense and other.expense and not one.expense.keys() & other.expense.keys():
                odd = _both(one, other, " in one expense")
                yield OddReport(odd=odd, kind=kind, expenses=({**one.expense, **other.expense},))


def _both(one: Odd, other: Odd, where: str = "") -> Odd:
    """Put together what is odd about two reports; where they differ in the same, the first is taken."""
    usual = Odd(name="")
    changed = {
        name: value
        for odd in (other, one)
        for name, value in vars(odd).items()
        if name != "expense" and value != getattr(usual, name)
    }
    return replace(usual, **changed | {"name": f"{one.name} and {other.name}{where}"})


def arrange(office: Office) -> Shop:
    """Open a workspace whose organisation has something of everything that exports stumble over."""
    shop = office.shop()
    books = f"/organisations/{shop.organisation_id}"
    control = office.xero.control
    control("PATCH", books, currencies=["GBP", "EUR"])
    control("PATCH", books, period_lock_date=str(PERIOD_LOCK), end_of_year_lock_date=str(YEAR_LOCK))
    control("POST", f"{books}/accounts/090", status="ARCHIVED")
    control("POST", f"{books}/accounts/485", tax_type="OUTPUT2")
    control("POST", f"{books}/accounts/480", tax_type="GALACTIC")
    control("POST", f"{books}/accounts/489", show_in_expense_claims=False)
    control("POST", f"{books}/tax-rates/RRINPUT", status="DELETED")
    control("POST", f"{books}/tracking/Department", status="ARCHIVED")
    control("POST", f"{books}/tracking/Region", status="ARCHIVED", option="West")
    gone, anew = ("Callum Reid", "Leila Haddad", "Jonas Berg"), ("Leila Haddad", "JONAS BERG")
    send_contacts(office, shop, "POST", [{"Name": name, "ContactStatus": "ARCHIVED"} for name in gone])
    send_contacts(office, shop, "PUT", [{"Name": name} for name in anew])
    office.sync(shop)
    return shop


def send_contacts(office: Office, shop: Shop, method: str, contacts: list[dict[str, str]]) -> None:
    """Make or change contacts in Xero, past Relink: only the next sync sees it."""
    headers = {
        "Authorization": f"Bearer {office.consent_kept(shop)}",
        "xero-tenant-id": shop.organisation_id,
        "Accept": "application/json",
    }
    answer = office.xero.http.request(
        method, "/api.xro/2.0/Contacts", json={"Contacts": contacts}, headers=headers
    )
    assert answer.status_code == 200, answer.text


def store(session: Session, shop: Shop, reports: Sequence[OddReport]) -> list[int]:
    """Store reports as an import would; return the ids of their exports, in the same order."""
    exports = [_export(session, shop, number, report) for number, report in enumerate(reports)]
    session.flush()
    for export, report in zip(exports, reports, strict=True):
        _store_parts(session, export, report)
    return [export.id for export in exports]


def _export(session: Session, shop: Shop, number: int, report: OddReport) -> tables.Export:
    report_id = f"R{number:05}"
    session.add(
        tables.Report(
            id=report_id,
            workspace_id=shop.workspace_id,
            title=report.name[:100],
            submitter_name=report.odd.submitter,
            submitter_email="amelia@shop.example",
            currency=report.odd.currency,
            approved_at=utcnow(),
        )
    )
    export = tables.Export(
        number=f"EXP-{report_id}{report.odd.suffix}",
        report_id=report_id,
        workspace_id=shop.workspace_id,
        organisation_id=shop.organisation_id,
        kind=report.kind,
        amount=Decimal(0),
        currency=report.odd.currency,
        approved_at=utcnow(),
        state=ExportState.WAITING,
    )
    session.flush()
    session.add(export)
    return export


def _store_parts(session: Session, export: tables.Export, report: OddReport) -> None:
    for position, expense in enumerate(report.expenses, start=1):
        values = {**USUAL_LINE, **expense}
        session.add(
            tables.ReportLine(report_id=export.report_id, position=position, export_id=export.id, **values)
        )
    if report.odd.receipt_bytes:
        session.add(
            tables.Receipt(
                export_id=export.id,
                file_name="receipt.pdf",
                content_type="application/pdf",
                size_bytes=report.odd.receipt_bytes,
                sha256="",
                state=ReceiptState.WAITING,
            )
        )
