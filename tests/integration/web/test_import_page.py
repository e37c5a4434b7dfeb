"""Import reports: good rows come in, broken ones are handed back with their reason."""

from __future__ import annotations

from dashboard import navigation
from services.desk import Desk
from services.intake import files
from services.store import tables
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
