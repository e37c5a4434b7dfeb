"""Import reports: take in approved reports from a file, row by row, and hand back what was refused."""

from __future__ import annotations

import streamlit as st

from dashboard import navigation, session
from dashboard.parts import exports, markup, panels, receipts, tables
from services.intake import files
from services.intake.files import Intake
from services.members import Permission

SHOWN = 50

member = session.require(Permission.IMPORT_REPORTS)
exports.open_plan()
st.title("Import reports", anchor=False)
st.write(
    "Approved expense reports, one expense a row. Importing a file twice changes nothing the second time."
)

about, example = st.columns([3, 1], vertical_alignment="bottom")
about.caption("Columns: " + ", ".join(files.COLUMNS))
example.download_button("Download an example", files.EXAMPLE_CSV, "reports-example.csv", "text/csv")

uploaded = st.file_uploader("CSV file", type="csv", key="file", max_upload_size=10)


def bring_in(data: bytes) -> None:
    """Import the file that was chosen."""
    st.session_state.pop("intake", None)
    st.session_state["intake"] = session.act(files.import_reports, data)


if uploaded is not None:
    st.button("Import", type="primary", key="import", on_click=bring_in, args=(uploaded.getvalue(),))

intake: Intake | None = st.session_state.get("intake")
if intake is not None:
    panels.figures(
        ("Taken in", f"{intake.accepted:,}", "new or changed"),
        ("Unchanged", f"{intake.unchanged:,}", "known already"),
        ("Refused", f"{len(intake.rejected):,}", "listed below with the reason"),
    )
    if intake.rejected:
        st.header("Refused rows", anchor=False)
        tables.table(
            "Refused rows",
            [tables.Column("Row"), tables.Column("Column"), tables.Column("Reason")],
            [[f"{row.row:,}", row.column, row.reason] for row in intake.rejected[:SHOWN]],
        )
        panels.shown_of(min(SHOWN, len(intake.rejected)), len(intake.rejected), "refused row")
        st.download_button(
            "Download the refused rows", files.rejected_csv(intake), "refused-reports.csv", "text/csv"
        )
    else:
        markup.show(markup.link("See what waits for Xero", navigation.FAILED_EXPORTS.link(state="waiting")))

st.header("Receipts", anchor=False)
receipts.bring_in()
receipts.missing(member)
