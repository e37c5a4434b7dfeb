"""Xero's filter language on real lists."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import bill, create, line, send


@pytest.fixture(scope="module")
def books(sandbox_url: str) -> Iterator[tuple[Driver, Connected]]:
    """An organisation with three bills that differ in number, date, amount and contact."""
    with httpx.Client(base_url=sandbox_url) as http:
        sandbox = Driver(sandbox_url, http)
        who = sandbox.connected()
        create(
            sandbox,
            who,
            bill("AUG-1", Date="2026-08-05", LineItems=[line(UnitAmount=10)]),
            bill("SEP-1", Date="2026-09-05", LineItems=[line(UnitAmount=20)], Status="DRAFT"),
            bill(
                "SEP-2",
                Date="2026-09-25",
                LineItems=[line(UnitAmount=30)],
                Contact={"Name": "Meridian Hotels"},
            ),
        )
        yield sandbox, who


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ('InvoiceNumber=="SEP-1"', ["SEP-1"]),
        ('Status!="DRAFT"', ["AUG-1", "SEP-2"]),
        ("Date >= DateTime(2026, 09, 01)", ["SEP-1", "SEP-2"]),
        ('Date < DateTime.Parse("2026-09-05")', ["AUG-1"]),
        ("Total > 10 AND Total <= 30.00", ["SEP-1", "SEP-2"]),
        ('InvoiceNumber.StartsWith("SEP") && Contact.Name=="Meridian Hotels"', ["SEP-2"]),
        ('Contact.Name.ToLower().Contains("cabs")', ["AUG-1", "SEP-1"]),
        ('InvoiceNumber.EndsWith("-1") and (Total==20 or Status=="AUTHORISED")', ["AUG-1", "SEP-1"]),
        ('Status=="DRAFT" OR Status=="AUTHORISED" AND Total==30', ["SEP-1", "SEP-2"]),
        ("DueDate==null", []),
        ("UpdatedDateUTC >= DateTime(2100, 1, 1)", []),
        ('Reference=="say \\"hi\\""', []),
    ],
)
def test_a_filter_selects_what_it_says(
    books: tuple[Driver, Connected], where: str, numbers: list[str]
) -> None:
    _, body = send(*books, "GET", "/Invoices", where=where)
    assert [one["InvoiceNumber"] for one in body["Invoices"]] == numbers


def test_a_filter_takes_a_guid(books: tuple[Driver, Connected]) -> None:
    _, body = send(*books, "GET", "/Invoices", where='InvoiceNumber=="AUG-1"')
    id_ = body["Invoices"][0]["InvoiceID"].upper()
    _, body = send(*books, "GET", "/Invoices", where=f'InvoiceID==Guid("{id_}")')
    assert [one["InvoiceNumber"] for one in body["Invoices"]] == ["AUG-1"]


def test_a_list_is_ordered_by_several_fields(books: tuple[Driver, Connected]) -> None:
    _, body = send(*books, "GET", "/Invoices", order="Contact.Name, Total DESC")
    assert [one["InvoiceNumber"] for one in body["Invoices"]] == ["SEP-2", "SEP-1", "AUG-1"]


@pytest.mark.parametrize(
    "where",
    [
        "Colour==1",
        'Type=="ACCPAY" AND',
        "(Total>1",
        "Total ~ 1",
        "Date>DateTime(2026,13,1)",
        "Total like 3",
        'Total=="ten"',
        "InvoiceNumber==5",
        'Date=="2026-09-05"',
    ],
)
def test_a_filter_that_is_not_understood_is_a_query_parse_exception(
    books: tuple[Driver, Connected], where: str
) -> None:
    status, body = send(*books, "GET", "/Invoices", where=where)
    assert (status, body["ErrorNumber"], body["Type"]) == (400, 16, "QueryParseException")
