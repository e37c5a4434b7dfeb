"""A report in a currency that is not enabled in Xero: known before a call is spent, as Xero would say."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from services import reference
from services.store import tables
from services.store.states import ExportKind, ExportState, Verdict
from tests.integration.office import Office, Shop

CALLS = {
    ExportKind.BILL: "PUT /api.xro/2.0/Invoices",
    ExportKind.BANK_TRANSACTION: "PUT /api.xro/2.0/BankTransactions",
}


def foreign(office: Office, shop: Shop, kind: ExportKind = ExportKind.BILL) -> int:
    """Put a report in Ukrainian hryvnia into the workspace."""
    [export_id] = office.exports(shop, 1, kind=kind)
    office.change(tables.Export, export_id, currency="UAH")
    return export_id


def send(office: Office, shop: Shop) -> None:
    office.retry(shop)
    office.work_off()


def forget_currencies(office: Office, shop: Shop) -> None:
    """Make the organisation one that was imported before its currencies were read."""
    with office.desk.store.begin() as session:
        session.execute(
            delete(tables.ReferenceItem).where(
                tables.ReferenceItem.organisation_id == shop.organisation_id,
                tables.ReferenceItem.kind == reference.CURRENCY,
            )
        )


@pytest.mark.parametrize("kind", list(ExportKind))
def test_a_plan_says_that_it_is_to_be_fixed_first(office: Office, kind: ExportKind) -> None:
    shop = office.shop()
    export_id = foreign(office, shop, kind)
    verdict, reason = office.verdicts(office.plan(shop))[export_id]
    assert verdict is Verdict.FIX_FIRST
    assert reason.startswith("XERO68: Currency UAH is not enabled in Xero.")


@pytest.mark.parametrize("kind", list(ExportKind))
def test_one_that_became_so_after_the_plan_fails_with_its_code_and_no_call(
    office: Office, kind: ExportKind
) -> None:
    shop = office.shop()
    [export_id] = office.exports(shop, 1, kind=kind)
    plan_id = office.plan(shop)
    office.change(tables.Export, export_id, currency="UAH")
    office.start(plan_id)
    office.work_off()
    export = office.export(export_id)
    assert (export.state, export.code) == (ExportState.FAILED, "XERO68")
    assert CALLS[kind] not in office.calls(shop)["by_path"]


@pytest.mark.parametrize("kind", list(ExportKind))
def test_before_the_currencies_were_read_xero_is_asked_and_says_the_same(
    office: Office, kind: ExportKind
) -> None:
    shop = office.shop()
    export_id = foreign(office, shop, kind)
    forget_currencies(office, shop)
    assert office.verdicts(office.plan(shop))[export_id][0] is Verdict.WILL_SEND
    send(office, shop)
    export = office.export(export_id)
    assert (export.state, export.code) == (ExportState.FAILED, "XERO68")
    assert office.calls(shop)["by_path"][CALLS[kind]] == 1


def test_once_the_currency_is_added_and_synced_the_report_arrives(office: Office) -> None:
    shop = office.shop()
    export_id = foreign(office, shop)
    forget_currencies(office, shop)
    send(office, shop)
    both = [shop.organisation["currency"], "UAH"]
    office.xero.control("PATCH", f"/organisations/{shop.organisation_id}", currencies=both)
    assert office.verdicts(office.plan(shop))[export_id][0] is Verdict.FIX_FIRST
    office.sync(shop)
    send(office, shop)
    assert office.export(export_id).state is ExportState.DELIVERED
