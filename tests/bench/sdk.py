"""The same work as users of Xero's own SDK do it: a loop, one create call a document."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from xero_python.accounting import Contact, Invoice, Invoices, LineAmountTypes, LineItem

from tests.bench.stage import Watch
from tests.integration.office import ACCOUNT, TAX
from tests.integration.sandbox.driver import Driver

WARM_UP = 10


def seconds_a_document(xero: Driver, sample: int) -> float:
    """Create so many bills in an organisation of their own and return the mean time of one.

    The SDK's hidden retries and sleeps are off (see `Driver.sdk`); the bills are like the product's.
    """
    who = xero.connected()
    accounting = xero.sdk(who.token).accounting
    bills = [_bill(number) for number in range(WARM_UP + sample)]
    for bill in bills[:WARM_UP]:
        accounting.create_invoices(who.organisation["id"], Invoices(invoices=[bill]))
    watch = Watch.start()
    for bill in bills[WARM_UP:]:
        accounting.create_invoices(who.organisation["id"], Invoices(invoices=[bill]))
    return watch.seconds / sample


def _bill(number: int) -> Any:
    return Invoice(
        type="ACCPAY",
        contact=Contact(name="Amelia Ward"),
        invoice_number=f"LOOP-{number:06}",
        date=date(2026, 10, 1),
        due_date=date(2026, 10, 31),
        line_amount_types=LineAmountTypes.INCLUSIVE,
        status="AUTHORISED",
        line_items=[
            LineItem(
                description="Parkway Cabs",
                quantity=Decimal(1),
                unit_amount=Decimal("12.50"),
                account_code=ACCOUNT,
                tax_type=TAX,
            )
        ],
    )
