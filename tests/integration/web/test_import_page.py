"""Import reports: good rows come in, broken ones are handed back with their reason."""

from __future__ import annotations

from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from dashboard import navigation
from services.desk import Desk
from services.intake import files
from services.store import tables
from services.store.states import ExportState
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of

GOOD = files.EXAMPLE_CSV.replace("DEADBEEF12345678", world.HEALTHY)


def bring_in(open_page: OpenPage, content: str) -> str:
    """Upload a file, press Import, and return what stands on the page."""
    app = open_page(navigation.IMPORT_REPORTS, world.AGENT)
    app.file_uploader(key="file").upload("reports.csv", content.encode(), "text/csv").run()
    app.button(key="import").click().run()
    assert not app.exception
    return text_of(app) + "".join(warning.value for warning in app.warning)


def test_reports_of_a_file_become_exports(desk: Desk, open_page: OpenPage) -> None:
    shown = bring_in(open_page, GOOD)

    assert "<dt>Taken in</dt><dd>2</dd>" in shown
    with desk.store.read() as session:
        assert session.get(tables.Report, "R100001") is not None


def test_a_broken_row_is_named_with_its_reason(open_page: OpenPage) -> None:
    shown = bring_in(open_page, GOOD.replace("1250.00", "<b>much</b>"))

    assert "<dt>Taken in</dt><dd>1</dd>" in shown
    assert "amount" in shown
    assert "<b>much" not in shown


def test_a_file_that_is_no_report_file_is_refused_in_a_sentence(desk: Desk, open_page: OpenPage) -> None:
    shown = bring_in(open_page, "this is\nnot a report file\n")

    assert "report_id" in shown
    with desk.store.read() as session:
        assert session.get(tables.Report, "R100001") is None


def bring_receipts(app: AppTest, *names: str) -> str:
    """Upload receipts, press Import, and return what stands on the page."""
    app.file_uploader(key="receipts").set_value([(name, b"%PDF-1.7", "") for name in names]).run()
    app.button(key="import-receipts").click().run()
    assert not app.exception
    return text_of(app)


def test_receipts_find_their_exports_by_their_names_and_others_are_refused(
    desk: Desk, open_page: OpenPage
) -> None:
    bring_in(open_page, GOOD)
    app = open_page(navigation.IMPORT_REPORTS, world.AGENT)
    shown = bring_receipts(app, "R100001.pdf", "R100001-2.jpg", "<b>scan</b>.pdf", "R2.pdf")

    assert "<dt>Taken in</dt><dd>2</dd>" in shown
    assert "begins with the number of no report here" in shown
    assert "&lt;b&gt;scan&lt;/b&gt;.pdf" in shown
    assert not [button for button in app.button if button.key == "attach"]  # they follow their document
    with desk.store.read() as session:
        assert len(session.scalars(select(tables.Receipt)).all()) == 2


def test_receipts_of_documents_in_xero_lead_to_a_plan_that_attaches_them(
    desk: Desk, open_page: OpenPage
) -> None:
    bring_in(open_page, GOOD)
    with desk.store.begin() as session:
        export = session.scalars(select(tables.Export).where(tables.Export.report_id == "R100001")).one()
        export.state, export.xero_id = ExportState.DELIVERED, "11111111-2222"
    app = open_page(navigation.IMPORT_REPORTS, world.AGENT)
    assert "**1 document** in Xero" in bring_receipts(app, "R100001.pdf")
    app.button(key="attach").click().run()

    assert not app.exception
    shown = text_of(app)
    assert "in Xero, will attach receipts" in shown
    assert "Its missing receipt will be attached." in shown
