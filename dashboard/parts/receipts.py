"""Receipts: bringing files in, and the way to attach those whose document is in Xero already."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import session
from dashboard.parts import exports, panels, tables, words
from services import planning
from services import receipts as receipt_service
from services.intake import receipts as intake
from services.intake.receipts import ReceiptIntake, Upload
from services.members import Member, Permission

SHOWN = 50
LABEL = "PDF, JPG, PNG, GIF, HEIC, TIFF or BMP, up to 10 MB a file and 10 files a document"
_INTAKE = "receipt-intake"
RULE = (
    "Begin each file's name with its report's number: **R004211.pdf**, **R004211-2.jpg**. Where a report "
    "becomes several documents in Xero, as company cards do, add the expense's place in the report: "
    "**R004211-L3.jpg**. Another file under the same name replaces it; the same file again changes nothing."
)


def bring_in() -> None:
    """Take in receipt files, and show what became of them."""
    st.write(RULE)
    files = st.file_uploader(LABEL, type=[*intake.CONTENT_TYPES], accept_multiple_files=True, key="receipts")
    if files:
        st.button(
            f"Import {words.plural(len(files), 'receipt')}",
            type="primary",
            key="import-receipts",
            on_click=_take_in,
            args=(files,),
        )
    done: ReceiptIntake | None = st.session_state.get(_INTAKE)
    if done is not None:
        _show(done)


def _take_in(files: Sequence[UploadedFile]) -> None:
    st.session_state.pop(_INTAKE, None)
    uploads = [Upload(file.name, file.size, file.getvalue) for file in files]
    st.session_state[_INTAKE] = session.act(intake.take_in, uploads)


def _show(done: ReceiptIntake) -> None:
    panels.figures(
        ("Taken in", f"{done.accepted:,}", "new or replaced"),
        ("Unchanged", f"{done.unchanged:,}", "known already"),
        ("Refused", f"{len(done.refused):,}", "listed below with the reason"),
    )
    if not done.refused:
        return
    tables.table(
        "Refused receipts",
        [tables.Column("File"), tables.Column("Reason")],
        [[file.name, file.reason] for file in done.refused[:SHOWN]],
    )
    panels.shown_of(min(SHOWN, len(done.refused)), len(done.refused), "refused receipt")


def missing(member: Member) -> None:
    """Offer to attach the receipts of documents that are in Xero already; others follow their document."""
    with session.reading() as store:
        number = receipt_service.number_lacking(store, member)
    if not number:
        return
    st.write(
        f"**{words.plural(number, 'document')}** in Xero without all receipts. A retry attaches them; "
        "receipts of other exports follow their document by themselves."
    )
    if member.may(Permission.RETRY):
        st.button(f"Plan a retry of {words.plural(number, 'export')}", key="attach", on_click=_plan)


def _plan() -> None:
    exports.remember_plan(session.act(planning.missing_receipts))
