"""Exports: searching them, and setting one aside."""

from __future__ import annotations

from decimal import Decimal

from services import exports
from services.exports import ExportFilter, ExportPage
from services.members import Member
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState
from tests.integration.office import LONG_AGO, Office, Shop

HOSTILE = [
    "'; drop table exports; --",
    "%",
    "_",
    "/",
    "\\",
    "\x00",
    "\ud800",
    "a" * 5000,
    "𝕏\u202e",
    "((",
    '"',
]


def search(office: Office, member: Member | None = None, **filter: object) -> ExportPage:
    with office.desk.store.read() as session:
        return exports.search(session, member or office.agent, ExportFilter(**filter))  # type: ignore[arg-type]


def rename(office: Office, export_id: int, **values: str) -> None:
    with office.desk.store.begin() as session:
        export = session.get_one(tables.Export, export_id)
        report = session.get_one(tables.Report, export.report_id)
        for name, value in values.items():
            setattr(report, name, value)


def disown(office: Office, shop: Shop) -> None:
    with office.desk.store.begin() as session:
        session.delete(session.get_one(tables.WorkspaceAdmin, (shop.workspace_id, office.admin.email)))


def test_text_finds_number_title_submitter_and_workspace_in_any_case(office: Office) -> None:
    shop, other = office.shop(), office.shop()
    (wanted,) = office.exports(shop, 1)
    office.exports(other, 2)
    rename(office, wanted, title="Conference in ZÜRICH 100%", submitter_name="Zoë O'Neil")
    for text in (
        office.export(wanted).number.lower(),
        "conference",
        "100%",
        " o'neil ",
        shop.organisation["name"],
    ):
        assert [row.id for row in search(office, text=text).rows] == [wanted]
    assert search(office, text="nowhere to be found").total == 0


def test_hostile_text_is_only_text(office: Office) -> None:
    (export_id,) = office.exports(office.shop(), 1)
    for text in HOSTILE:
        shown = text.replace("\x00", "").replace("\ud800", "")
        assert search(office, text=text).total == (0 if shown else 1), text
        assert search(office, workspace_id=f"{text}?").total == 0
        assert search(office, codes=(text,)).total == 0
        rename(office, export_id, title=f"Lunch {text}")
        assert search(office, text=f"unch {text}").total == 1, text
        rename(office, export_id, title="Dinner")


def test_filters_narrow_and_their_counts_say_what_another_choice_would_find(office: Office) -> None:
    shop = office.shop()
    office.exports(shop, 2, state=ExportState.FAILED, code="XERO11")
    office.exports(shop, 1, state=ExportState.FAILED, code="XERO27", amount=Decimal("100"))
    office.exports(shop, 3, state=ExportState.HELD)
    office.exports(office.shop(), 5)
    page = search(office, workspace_id=shop.workspace_id, states=(ExportState.FAILED,), codes=("XERO11",))
    assert (page.total, {row.code for row in page.rows}) == (2, {"XERO11"})
    assert page.states == {ExportState.FAILED: 3, ExportState.HELD: 3}
    assert page.codes == {"XERO11": 2, "XERO27": 1}
    assert page.amounts == {"GBP": Decimal("25.00")}


def test_pages_cut_the_list_oldest_first_without_gap_or_repeat(office: Office) -> None:
    shop = office.shop()
    new = office.exports(shop, 3)
    old = office.exports(shop, 2, spent_on=utcnow() - 2 * LONG_AGO)
    pages = [search(office, page=number, page_size=2) for number in (1, 2, 3, 4)]
    assert [row.id for page in pages for row in page.rows] == [*old, *new]
    assert [(page.total, page.pages) for page in pages] == [(5, 3)] * 4
    assert [row.id for row in search(office, page=-3, page_size=2).rows] == old


def test_nothing_at_all_is_one_empty_page(office: Office) -> None:
    page = search(office)
    assert (page.rows, page.total, page.pages, page.amounts) == ((), 0, 1, {})


def test_a_delivered_export_links_to_its_document_in_xero(office: Office) -> None:
    shop = office.shop()
    (export_id,) = office.exports(shop, 1)
    office.retry(shop)
    office.work_off()
    (row,) = search(office).rows
    assert row.xero_link is not None
    assert str(office.export(export_id).xero_id) in row.xero_link
    assert row.xero_link.startswith("https://go.xero.com/")


def test_an_admin_finds_exports_of_their_own_workspaces_only(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    mine = office.exports(own, 1)
    office.exports(foreign, 2)
    disown(office, foreign)
    page = search(office, office.admin)
    assert [row.id for row in page.rows] == mine
    assert page.states == {ExportState.WAITING: 1}
    assert search(office, office.admin, workspace_id=foreign.workspace_id).total == 0
