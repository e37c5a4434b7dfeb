"""Our check before a call gives every report the code that Xero's answer to it would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services import calls, catalogue, documents, objections, reference
from services.answers import UNNAMED
from services.documents import Draft
from services.reference import Imported
from services.store import tables
from services.store.states import ExportKind
from services.xero.api import ACCOUNTING, Api
from services.xero.documents import MAX_BATCH, DocumentKind, Result, create_bank_transactions, create_bills
from services.xero.drafts import bill_json
from services.xero.errors import XeroError
from tests.integration.features.odd_reports import OddReport, arrange, odd_reports, store
from tests.integration.office import Office, Shop

AT_LEAST = 200
_RESOURCES = {
    ExportKind.BILL: DocumentKind.BILL,
    ExportKind.BANK_TRANSACTION: DocumentKind.BANK_TRANSACTION,
}
TAKEN = "taken"

#: Codes that no new document can bring, and why.
NEVER_OF_A_DOCUMENT = {
    "XERO11": "the login expired: no document is looked at",
    "XERO12": "the login is of a retired kind",
    "XERO14": "no document of ours marks an expense as billable",
    "XERO31": "a document that is there is paid: ours are made anew, never changed",
    "XERO44": "a document that is there is voided",
    "XERO45": "the login is rejected",
    "XERO46": "Xero is busy, and says nothing about documents",
    "XERO56": "the import of contacts failed",
    "XERO73": "the import of accounts failed",
    "XERO76": "a document that is there is voided",
    "XERO84": "no organisation is chosen",
    "XERO93": "a rule of the platform's alone: Xero takes accounts that are hidden from expense claims",
    "XERO99": "Xero counts the bills of the month, those entered by hand too; the count is not imported",
}


@dataclass(frozen=True)
class Answer:
    """What one report comes to, and in which words."""

    code: str = TAKEN
    words: str = ""


def test_our_check_and_xeros_answer_give_every_odd_report_the_same_code(office: Office) -> None:
    reports = list(odd_reports())
    assert len(reports) >= AT_LEAST
    shop = arrange(office)
    ours, theirs = _both_ways(office, shop, reports)
    differences = [
        f"{report.name}\n  ours:   {mine.code} {mine.words}\n  Xero's: {answer.code} {answer.words}"
        for report, mine, answer in zip(reports, ours, theirs, strict=True)
        if mine.code != answer.code
    ]
    assert not differences, "\n".join([f"{len(differences)} of {len(reports)} differ:", *differences])
    assert {each.code for each in theirs} - {TAKEN} == catalogue.CODES.keys() - NEVER_OF_A_DOCUMENT.keys()
    good = [answer.code for report, answer in zip(reports, theirs, strict=True) if report.is_good]
    assert set(good) == {TAKEN}


def test_the_plans_allowance_of_bills_is_xeros_to_count(office: Office) -> None:
    shop = office.shop(plan="STARTER")
    ids = office.exports(shop, 6)
    office.retry(shop)
    office.work_off()
    assert [office.export(each).code for each in ids] == [None] * 5 + ["XERO99"]


def _both_ways(office: Office, shop: Shop, reports: Sequence[OddReport]) -> tuple[list[Answer], list[Answer]]:
    """Return what our check says of each report, and what Xero says with the check out of the way."""
    with office.desk.store.begin() as session:
        ids = store(session, shop, reports)
    with office.desk.store.read() as session:
        known = reference.imported(session, shop.organisation_id)
        drafts = documents.drafts(session, [session.get_one(tables.Export, each) for each in ids])
    drafts = [replace(draft, card_account=r.odd.card) for draft, r in zip(drafts, reports, strict=True)]
    ours = [_ours(draft, known) for draft in drafts]
    grant_id = office.connection(shop).grant_id
    assert grant_id is not None
    with calls.xero(office.desk, grant_id=grant_id, organisation_id=shop.organisation_id) as api:
        theirs = _send(api, shop.organisation_id, drafts, known)
    return ours, [theirs[draft.export.number] for draft in drafts]


def _ours(draft: Draft, known: Imported) -> Answer:
    found = objections.objection(draft, known)
    return Answer(found.code, found.message) if found else Answer()


def _send(api: Api, organisation_id: str, drafts: Sequence[Draft], known: Imported) -> Mapping[str, Answer]:
    """Send documents in batches and their receipts after them; return the answers by number."""
    answers = {d.export.number: _unsendable() for d in drafts if not _is_sendable(d, known)}
    for kind in ExportKind:
        wanted = [d for d in drafts if d.export.kind is kind and d.export.number not in answers]
        for start in range(0, len(wanted), MAX_BATCH):
            batch = wanted[start : start + MAX_BATCH]
            results = _create(api, organisation_id, kind, batch, known)
            for draft, result in zip(batch, results, strict=True):
                answers[draft.export.number] = _theirs(api, organisation_id, draft, result)
    return answers


def _is_sendable(draft: Draft, known: Imported) -> bool:
    try:
        bill_json(documents.bill(draft, known))
    except ValueError:
        return False
    return True


def _unsendable() -> Answer:
    """No JSON number is this amount, so Xero cannot even be asked: no code fits that."""
    return Answer(UNNAMED, "not sent: the amount is no exact number")


def _create(
    api: Api, organisation_id: str, kind: ExportKind, batch: Sequence[Draft], known: Imported
) -> Sequence[Result]:
    key = f"{organisation_id}-{batch[0].export.id}"
    if kind is ExportKind.BILL:
        bills = [documents.bill(draft, known) for draft in batch]
        return create_bills(api, organisation_id, bills, idempotency_key=key).results
    spent = [documents.bank_transaction(draft, known) for draft in batch]
    return create_bank_transactions(api, organisation_id, spent, idempotency_key=key).results


def _theirs(api: Api, organisation_id: str, draft: Draft, result: Result) -> Answer:
    if result.xero_id is None:
        is_card = draft.export.kind is ExportKind.BANK_TRANSACTION
        recognised = catalogue.from_validation(result.errors, bank_transaction=is_card)
        return Answer(recognised.code.code if recognised.code else UNNAMED, " ".join(result.errors))
    path = f"{ACCOUNTING}/{_RESOURCES[draft.export.kind]}/{result.xero_id}/Attachments"
    return next((_attach(api, organisation_id, path, receipt) for receipt in draft.receipts), Answer())


def _attach(api: Api, organisation_id: str, folder: str, receipt: tables.Receipt) -> Answer:
    """Attach a file past our own check of its size."""
    path, content = f"{folder}/{receipt.file_name}", bytes(receipt.size_bytes)
    try:
        api.request(
            "PUT", path, organisation_id=organisation_id, content=content, content_type="application/pdf"
        )
    except XeroError as error:
        code = catalogue.recognise(error.detail).code
        return Answer(code.code if code else UNNAMED, error.detail)
    return Answer()
