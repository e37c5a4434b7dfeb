"""Receipts from files: whose they are, which are refused and why, and that a file comes in once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from services.intake import receipts
from services.intake.receipts import CONTENT_TYPES, ReceiptIntake, Upload
from services.members import Member, NotAllowed
from services.store import tables
from services.store.engine import utcnow
from services.store.states import ExportState, ReceiptState, Role
from tests.integration.intake.desk import AGENT, Desk, card, expense

PDF = b"%PDF-1.7 a taxi"
MB = 1024 * 1024


def upload(name: str, content: bytes = PDF, *, size_bytes: int | None = None) -> Upload:
    return Upload(name, len(content) if size_bytes is None else size_bytes, lambda: content)


def bring(desk: Desk, *files: str | Upload, member: Member = AGENT) -> ReceiptIntake:
    uploads = [file if isinstance(file, Upload) else upload(file) for file in files]
    with desk.store.begin() as session:
        return receipts.take_in(session, member, uploads)


def reason(desk: Desk, file: str | Upload) -> str:
    """Bring in one file that is refused, and return why."""
    intake = bring(desk, file)
    assert (intake.accepted, intake.unchanged) == (0, 0)
    (refused,) = intake.refused
    return refused.reason


def kept(desk: Desk) -> dict[str, list[str]]:
    """Return the names of the receipts of each export that has some."""
    found: dict[str, list[str]] = {}
    with desk.store.read() as session:
        rows = session.execute(
            select(tables.Export.number, tables.Receipt.file_name)
            .join(tables.Receipt, tables.Receipt.export_id == tables.Export.id)
            .order_by(tables.Receipt.file_name)
        )
        for number, name in rows:
            found.setdefault(number, []).append(name)
    return found


def one(desk: Desk, name: str) -> tuple[tables.Receipt, bytes]:
    """Return a receipt and its content."""
    with desk.store.read() as session:
        receipt = session.scalars(select(tables.Receipt).where(tables.Receipt.file_name == name)).one()
        return receipt, session.get_one(tables.ReceiptFile, receipt.id).content


@pytest.fixture(autouse=True)
def reports(desk: Desk) -> None:
    """A bill R1, the bill of a longer number, and R2: two card expenses and one paid out of pocket."""
    of_r2 = {"report_id": "R2"}
    desk.bring_rows(
        expense(), expense(), expense(report_id="R1-2"), card(**of_r2), expense(**of_r2), card(**of_r2)
    )


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("R1.pdf", "EXP-R1"),
        ("R1-3.jpg", "EXP-R1"),
        ("R1_taxi home.PNG", "EXP-R1"),
        ("R1.taxi.gif", "EXP-R1"),
        ("R1 (2).heic", "EXP-R1"),
        ("R1-L2.pdf", "EXP-R1"),  # of a report with one document every file is that one's
        ("R1-2.pdf", "EXP-R1-2"),  # the longest number that fits
        ("R1-2-1.pdf", "EXP-R1-2"),
        ("R2-L1.pdf", "EXP-R2-1"),
        ("R2-l03-back.jpeg", "EXP-R2-3"),
        ("R2 L2.tiff", "EXP-R2"),
    ],
)
def test_the_name_says_which_document_a_receipt_belongs_to(desk: Desk, name: str, number: str) -> None:
    assert bring(desk, name) == ReceiptIntake(1, 0, ())
    assert kept(desk) == {number: [name]}
    receipt, content = one(desk, name)
    assert (receipt.state, receipt.size_bytes, content) == (ReceiptState.WAITING, len(PDF), PDF)
    assert receipt.content_type == CONTENT_TYPES[name.rpartition(".")[2].lower()]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("R9.pdf", "the number of no report here"),
        ("R11.pdf", "the number of no report here"),
        ("scan.pdf", "Name it like R004211.pdf"),
        ("R2.pdf", "Report R2 becomes several documents in Xero. Say which expense it is"),
        ("R2-2.pdf", "like R2-L1"),
        ("R2-L4.pdf", "Report R2 has no expense L4. It has L1, L2, L3."),
        ("R2-L1b.pdf", "like R2-L1"),
        ("R1.exe", "of one of these kinds: PDF, JPG"),
        ("R1", "of one of these kinds"),
        ("../R1.pdf", "Xero does not take this name"),
        ("R1-\u202efdp.pdf", "Xero does not take this name"),
        ("R1-" + "x" * 100 + ".pdf", "Xero does not take this name"),
        ("", "Xero does not take this name"),
        (upload("R1.pdf", b""), "The file is empty"),
        (
            upload("R1.pdf", size_bytes=10 * MB + 1),
            "XERO08: it has 10.1 MB, and Xero takes files of up to 10",
        ),
    ],
)
def test_a_file_that_cannot_be_attached_is_refused_with_what_to_do(
    desk: Desk, file: str | Upload, says: str
) -> None:
    assert says in reason(desk, file)
    assert kept(desk) == {}


def test_good_files_come_in_beside_refused_ones_and_the_history_names_who_brought_them(desk: Desk) -> None:
    intake = bring(desk, "R1-1.pdf", "scan.pdf", "R1-3.pdf")
    assert (intake.accepted, [file.name for file in intake.refused]) == (2, ["scan.pdf"])
    assert kept(desk) == {"EXP-R1": ["R1-1.pdf", "R1-3.pdf"]}
    entry = desk.audit()[-1]
    assert (entry.actor, entry.summary, entry.data) == (
        AGENT.email,
        "2 receipts came in from files.",
        {"exports": ["EXP-R1"]},
    )


def test_the_same_file_again_changes_nothing_and_another_one_replaces_it(desk: Desk) -> None:
    bring(desk, "R1.pdf")
    receipt, _ = one(desk, "R1.pdf")
    with desk.store.begin() as session:
        stored = session.get_one(tables.Receipt, receipt.id)
        stored.state, stored.attached_at = ReceiptState.ATTACHED, utcnow()
        stored.code, stored.message = "XERO08", "It is too large."
    entries = len(desk.audit())
    assert bring(desk, "R1.pdf") == ReceiptIntake(0, 1, ())
    assert (one(desk, "R1.pdf")[0].state, len(desk.audit())) == (ReceiptState.ATTACHED, entries)
    assert bring(desk, upload("R1.pdf", b"%PDF sharper")) == ReceiptIntake(1, 0, ())
    receipt, content = one(desk, "R1.pdf")
    assert (receipt.state, receipt.code, receipt.message, content) == (
        ReceiptState.WAITING,
        None,
        None,
        b"%PDF sharper",
    )


def test_a_name_is_the_same_however_its_letters_are_put_together(desk: Desk) -> None:
    bring(desk, "R1-Cafe\u0301.pdf")
    assert bring(desk, "R1-Caf\u00e9.pdf") == ReceiptIntake(0, 1, ())


def test_the_eleventh_receipt_of_a_document_is_refused_and_a_replacement_is_not(desk: Desk) -> None:
    assert bring(desk, *(f"R2-L1-{number}.pdf" for number in range(10))).accepted == 10
    assert "EXP-R2-1 has 10 receipts already" in reason(desk, "R2-L1-10.pdf")
    assert bring(desk, "R2-L3.pdf", upload("R2-L1-9.pdf", b"%PDF sharper")).accepted == 2


def test_of_an_export_that_was_set_aside_nothing_goes_to_xero(desk: Desk) -> None:
    desk.set("EXP-R1", state=ExportState.SET_ASIDE, set_aside_by="Ada", set_aside_reason="by hand")
    assert "EXP-R1 was set aside" in reason(desk, "R1.pdf")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN, Role.GUEST])
def test_who_may_not_import_reports_brings_no_receipt_in(desk: Desk, role: Role) -> None:
    with pytest.raises(NotAllowed, match="import reports"):
        bring(desk, "R1.pdf", member=Member("max@relink.example", "Max", role))
    assert kept(desk) == {}


def test_a_file_is_read_only_when_it_is_wanted_and_one_after_the_other(desk: Desk) -> None:
    read: list[str] = []

    def reader(name: str) -> Callable[[], bytes]:
        def content() -> bytes:
            read.append(name)
            return PDF

        return content

    names = ["R1.pdf", "R9.pdf", "scan.pdf", "R1.exe"]
    bring(desk, *(Upload(name, len(PDF), reader(name)) for name in names))
    assert read == ["R1.pdf"]
