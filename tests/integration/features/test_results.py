"""What became of every export of a retry: counted with its money, looked through, and kept as a file."""

from __future__ import annotations

import csv
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
from sqlalchemy import update

from services import closing, planning, plans, result_files, results
from services.result_files import Format
from services.results import FileRow, Leftovers, Result, ResultFilter, ResultPage
from services.store import tables
from services.store.states import ExportState
from tests.integration.office import Office, Shop

EVIL = '=HYPERLINK("http://evil.example")'
WRONG = "999"


def search(office: Office, plan_id: str, **wanted: object) -> ResultPage:
    with office.desk.store.read() as session:
        return results.search(session, office.agent, plan_id, ResultFilter(**wanted))  # type: ignore[arg-type]


def ids_of(page: ResultPage) -> list[int]:
    return [row.export_id for row in page.rows]


def file(office: Office, plan_id: str, format: Format, folder: Path) -> Path:
    path = folder / f"results.{format}"
    with office.desk.store.read() as session:
        result_files.write(session, office.agent, plan_id, format, path)
    return path


def spoil(office: Office, export_id: int) -> None:
    """Have our own check refuse an export once it is its turn; its plan was judged before."""
    with office.desk.store.begin() as session:
        session.execute(
            update(tables.ReportLine)
            .where(tables.ReportLine.export_id == export_id)
            .values(account_code=WRONG)
        )


def mixed(office: Office) -> tuple[str, Shop, Shop, dict[str, int]]:
    """Run a retry of two workspaces in which one export arrives in each, one is refused, one not tried."""
    one, two = office.shop(currency="GBP"), office.shop(currency="NZD")
    (first,) = office.exports(one, 1, amount=Decimal("10.25"))
    (refused,) = office.exports(one, 1, amount=Decimal("3.00"))
    (blocked,) = office.exports(one, 1, account=WRONG, amount=Decimal("7.00"))
    (second,) = office.exports(two, 1, amount=Decimal("20.50"))
    plan_id = office.retry(one, two)
    spoil(office, refused)
    office.work_off()
    return plan_id, one, two, {"first": first, "refused": refused, "blocked": blocked, "second": second}


def test_results_are_counted_with_their_money_by_currency(office: Office) -> None:
    plan_id, *_ = mixed(office)
    with office.desk.store.read() as session:
        lines = results.lines(session, plan_id)
    assert [(line.result, line.count, dict(line.amounts)) for line in lines] == [
        (Result.DELIVERED, 2, {"GBP": Decimal("10.25"), "NZD": Decimal("20.50")}),
        (Result.FAILED, 1, {"GBP": Decimal("3.00")}),
        (Result.NOT_TRIED, 1, {"GBP": Decimal("7.00")}),
    ]


def test_results_are_filtered_by_result_code_and_workspace(office: Office) -> None:
    plan_id, one, two, ids = mixed(office)
    assert set(ids_of(search(office, plan_id))) == set(ids.values())
    assert ids_of(search(office, plan_id, results=(Result.FAILED,))) == [ids["refused"]]
    assert ids_of(search(office, plan_id, results=(Result.NOT_TRIED,))) == [ids["blocked"]]
    either = search(office, plan_id, results=(Result.FAILED, Result.NOT_TRIED))
    assert (set(ids_of(either)), either.total) == ({ids["refused"], ids["blocked"]}, 2)
    assert set(ids_of(search(office, plan_id, codes=("XERO27",)))) == {ids["refused"], ids["blocked"]}
    assert ids_of(search(office, plan_id, codes=("XERO78",))) == []
    assert ids_of(search(office, plan_id, workspace_id=two.workspace_id)) == [ids["second"]]
    found = search(office, plan_id, workspace_id=one.workspace_id, codes=("XERO27",))
    assert found.codes == {"XERO27": 2}
    assert [(workspace_id, number) for workspace_id, _, number in found.workspaces] == [(one.workspace_id, 2)]


def test_results_come_page_by_page(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, results.PAGE_SIZE + 1)
    plan_id = office.plan(shop)
    first, second = search(office, plan_id), search(office, plan_id, page=2)
    assert (len(first.rows), first.total, len(second.rows)) == (results.PAGE_SIZE, len(ids), 1)
    assert ids_of(first) + ids_of(second) == ids


def test_leftovers_are_what_is_still_owed_and_tell_what_cannot_go(office: Office) -> None:
    shop, broken = office.shop(), office.shop()
    office.exports(shop, 1)
    refused, closed = office.exports(shop, 2)
    office.exports(broken, 1)
    plan_id = office.retry(shop, broken)
    spoil(office, refused)
    office.break_login(broken)
    office.work_off()
    with office.desk.store.begin() as session:
        assert results.leftovers(session, plan_id) == Leftovers(total=2, can_go=1)
        closing.set_aside(session, office.agent, refused, "Paid by hand.")
        assert results.leftovers(session, plan_id) == Leftovers(total=1, can_go=0)
        other = planning.leftovers(session, office.agent, plan_id)
        assert plans.view(session, office.agent, other).total == 1
    assert office.export(closed).state is ExportState.DELIVERED


def test_the_csv_tells_every_export_and_runs_no_formula(office: Office, tmp_path: Path) -> None:
    plan_id, one, _, ids = mixed(office)
    office.change(tables.Workspace, one.workspace_id, name=EVIL)
    text = file(office, plan_id, Format.CSV, tmp_path).read_text(encoding="utf-8-sig")
    rows = {row["number"]: row for row in csv.DictReader(text.splitlines())}
    assert rows.keys() == {office.export(export_id).number for export_id in ids.values()}
    good, bad, blocked = (rows[office.export(ids[n]).number] for n in ("first", "refused", "blocked"))
    assert list(good) == [field.name for field in fields(FileRow)]
    assert (good["result"], good["amount"], good["currency"], good["attempts"]) == (
        "delivered", "10.25", "GBP", "1",
    )  # fmt: skip
    assert str(office.export(ids["first"]).xero_id) in good["xero_link"]
    assert (good["submitter"], good["organisation"]) == ("Amelia Ward", one.organisation["name"])
    assert (bad["result"], bad["code"], bad["attempts"]) == ("failed", "XERO27", "0")
    assert (blocked["verdict"], blocked["result"], blocked["code"]) == (
        "blocked: fix first", "not tried", "XERO27",
    )  # fmt: skip
    assert good["workspace"] == bad["workspace"] == f"'{EVIL}"


def test_the_last_correlation_id_that_xero_gave_is_in_the_file(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.fault(shop, "PUT", "Invoices", status=503)
    plan_id = office.retry(shop)
    office.work_off()
    with office.desk.store.begin() as session:
        attempt = session.query(tables.Attempt).filter_by(export_id=export_id).one()
        attempt.correlation_id = "the-last-one"
    with office.desk.store.read() as session:
        (row,) = results.file_rows(session, office.agent, plan_id)
    assert (row.attempts, row.correlation_id) == (1, "the-last-one")


def test_the_xlsx_has_numbers_dates_a_frozen_head_and_no_formula(office: Office, tmp_path: Path) -> None:
    plan_id, one, _, ids = mixed(office)
    office.change(tables.Workspace, one.workspace_id, name=EVIL)
    sheet = openpyxl.load_workbook(file(office, plan_id, Format.XLSX, tmp_path)).active
    assert sheet is not None
    head, *rows = sheet.iter_rows()
    names = [cell.value for cell in head]
    assert names == [field.name for field in fields(FileRow)]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", f"A1:{head[-1].column_letter}{len(ids) + 1}")
    by_number = {row[0].value: dict(zip(names, row, strict=True)) for row in rows}
    good = by_number[office.export(ids["first"]).number]
    assert (good["amount"].value, good["amount"].number_format) == (10.25, "#,##0.00")
    assert isinstance(good["approved_at"].value, datetime)
    assert good["approved_at"].is_date
    assert {cell.data_type for row in by_number.values() for cell in row.values()} <= {"s", "n", "d"}
    assert good["workspace"].value == f"'{EVIL}"
    assert sheet.column_dimensions["A"].width > 15
