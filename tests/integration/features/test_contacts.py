"""Contacts are settled once a batch, before it is sent: none twice, and a refused one stops no other."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services import documents, plans, reference
from services.store import tables
from services.store.states import AttemptState, ExportKind, ExportState
from services.xero.documents import bill_json
from tests.integration import crash
from tests.integration.features.ledger import assert_each_once, attempts, contacts_in_xero, headers
from tests.integration.office import Office, Shop

FOREVER = timedelta(hours=30)
KILLED = -9
POST_CONTACTS = "POST /api.xro/2.0/Contacts"
PUT_BILLS = "PUT /api.xro/2.0/Invoices"


def name(office: Office, export_id: int, submitter: str) -> None:
    """Let another person have handed in the export's report."""
    office.change(tables.Report, office.export(export_id).report_id, submitter_name=submitter)


def calls(office: Office, shop: Shop, path: str) -> int:
    return int(office.calls(shop)["by_path"].get(path, 0))


def kept(office: Office, shop: Shop) -> dict[str, str]:
    with office.desk.store.read() as session:
        rows = session.scalars(
            select(tables.ReferenceItem).where(
                tables.ReferenceItem.organisation_id == shop.organisation_id,
                tables.ReferenceItem.kind == "contact",
            )
        )
        return {row.key: row.data["id"] for row in rows}


def on_documents(office: Office, shop: Shop) -> Counter[str]:
    return Counter(document["contact"] for document in office.ledger(shop)["documents"])


def archive(office: Office, shop: Shop, submitter: str) -> None:
    body = {"Contacts": [{"Name": submitter, "ContactStatus": "ARCHIVED"}]}
    office.xero.http.post("/api.xro/2.0/Contacts", headers=headers(office, shop), json=body)


@pytest.mark.parametrize("kind", list(ExportKind))
def test_a_batch_s_unknown_contacts_are_made_with_one_call_and_named_by_their_ids(
    office: Office, kind: ExportKind
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 4, kind=kind)
    name(office, ids[0], "Noor Aziz")
    name(office, ids[1], "Ines Duarte")
    name(office, ids[2], "Ines Duarte")
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)
    assert calls(office, shop, POST_CONTACTS) == 1
    assert on_documents(office, shop) == {"Noor Aziz": 1, "Ines Duarte": 2, "Amelia Ward": 1}
    assert {"Noor Aziz", "Ines Duarte"} <= kept(office, shop).keys()


def test_contacts_that_are_known_cost_no_call_in_later_batches_and_lanes(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 60)  # two batches
    for export_id in ids:
        name(office, export_id, "Noor Aziz")
    office.retry(shop)
    office.work_off()
    later = office.exports(shop, 1)
    name(office, later[0], "Noor Aziz")
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, [*ids, *later])
    assert calls(office, shop, POST_CONTACTS) == 1


def test_a_name_in_another_case_is_the_contact_that_is_there_and_keeps_its_name(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "AMELIA  ward ")
    before = contacts_in_xero(office, shop)
    office.retry(shop)
    office.work_off()
    assert on_documents(office, shop) == {"Amelia Ward": 2}
    assert (contacts_in_xero(office, shop), calls(office, shop, POST_CONTACTS)) == (before, 0)


def test_two_spellings_of_a_new_name_make_one_contact(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "Noor Aziz")
    name(office, ids[1], "noor aziz")
    office.retry(shop)
    office.work_off()
    assert sum(on_documents(office, shop).values()) == 2
    assert len({contact.casefold() for contact in on_documents(office, shop)}) == 1
    assert [each for each in contacts_in_xero(office, shop) if each.casefold() == "noor aziz"] == [
        "Noor Aziz"
    ]


def test_a_contact_that_xero_refuses_fails_its_own_exports_alone(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 4)
    name(office, ids[0], "Noor Aziz")
    name(office, ids[2], "Noor Aziz")
    refused = {"Name": "Noor Aziz", "HasErrors": True, "ValidationErrors": [{"Message": "Not this one"}]}
    office.fault(shop, "POST", "Contacts", status=200, body=json.dumps({"Contacts": [refused]}))
    plan_id = office.retry(shop)
    office.work_off()
    for export_id in (ids[0], ids[2]):
        export = office.export(export_id)
        assert (export.state, export.code) == (ExportState.FAILED, "XERO01")
        assert export.message == "Xero refused it: The contact Noor Aziz: Not this one"
        [attempt] = attempts(office, export_id)
        assert (attempt.state, attempt.status) == (AttemptState.REFUSED, 200)
    assert_each_once(office, shop, [ids[1], ids[3]])
    assert (office.run(plan_id).failed, office.run(plan_id).delivered) == (2, 2)
    office.retry(shop)
    office.work_off()
    assert_each_once(office, shop, ids)


def test_an_archived_contact_is_not_brought_back_and_its_export_says_so(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "Noor Aziz")
    archive(office, shop, "Noor Aziz")  # after the last sync
    office.retry(shop)
    office.work_off()
    export = office.export(ids[0])
    assert (export.state, export.code) == (ExportState.FAILED, "XERO01")
    assert "Noor Aziz: It is archived in Xero." in (export.message or "")
    assert_each_once(office, shop, ids[1:])


def test_a_call_refused_as_a_whole_is_made_name_by_name(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 3)
    for export_id, submitter in zip(ids, ["Ada Ray", "Ben Okafor", "Cleo Marsh"], strict=True):
        name(office, export_id, submitter)
    refusal = '{"ErrorNumber": 17, "Type": "PostDataInvalidException", "Message": "An invalid character"}'
    office.fault(shop, "POST", "Contacts", status=400, body=refusal, times=2)  # all, and the first alone
    office.retry(shop)
    office.work_off()
    states = Counter(office.states(ids))
    assert states == {ExportState.FAILED: 1, ExportState.DELIVERED: 2}
    [bad] = [each for each in map(office.export, ids) if each.state is ExportState.FAILED]
    assert bad.code == "XERO83"


@pytest.mark.parametrize(
    "fault",
    [{"reset": "before"}, {"reset": "after"}, {"status": 503}, {"status": 200, "body": "{"}],
    ids=str,
)
def test_a_contact_call_without_an_answer_is_made_again_and_makes_no_second_contact(
    office: Office, fault: dict[str, Any]
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "Noor Aziz")
    office.fault(shop, "POST", "Contacts", **fault)
    plan_id = office.retry(shop)
    office.work_off()
    assert office.states(ids) == [ExportState.WAITING] * 2
    assert (office.run(plan_id).lanes[0].waiting_for or "").startswith("Waiting for Xero: ")
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    assert contacts_in_xero(office, shop).count("Noor Aziz") == 1
    assert attempts(office, *ids)[0].batch == attempts(office, *ids)[-1].batch


def test_a_login_that_may_not_make_contacts_holds_the_run_and_says_what_is_missing(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 1)
    name(office, ids[0], "Noor Aziz")
    body = '{"Detail": "AuthorizationUnsuccessful"}'
    office.fault(shop, "POST", "Contacts", status=401, body=body)
    office.retry(shop)
    office.work_off()
    assert office.states(ids) == [ExportState.HELD]
    incident = office.incident(shop)
    assert incident is not None
    assert incident.cause == "missing scope"


@pytest.mark.parametrize("commit", range(1, 8))
def test_a_worker_killed_anywhere_makes_no_second_contact_and_no_second_bill(
    office: Office, commit: int
) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "Noor Aziz")
    office.retry(shop)
    worker = crash.start(office.desk.settings, dies_at_commit=commit)
    worker.join()
    assert worker.exitcode == KILLED
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    assert contacts_in_xero(office, shop).count("Noor Aziz") == 1


def test_a_batch_sent_again_after_a_sync_has_the_very_same_body(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    name(office, ids[0], "Noor Aziz")
    name(office, ids[1], "amelia ward")
    office.fault(shop, "PUT", "Invoices", reset="before")
    office.retry(shop)
    office.work_off()
    office.sync(shop)  # forgets the spelling
    office.work_off(ahead=FOREVER)
    assert_each_once(office, shop, ids)
    [key] = {attempt.batch for attempt in attempts(office, *ids)}
    assert calls(office, shop, PUT_BILLS) == 2
    bodies = bills_now(office, shop, ids)
    assert all(body["Contact"].keys() == {"ContactID"} for body in bodies)
    again = office.xero.http.put(
        "/api.xro/2.0/Invoices",
        params={"summarizeErrors": "false", "unitdp": "4"},
        headers=headers(office, shop) | {"Idempotency-Key": key},
        json={"Invoices": bodies},
    )
    assert again.status_code == 200  # Xero repeats its answer: it had this body under this key
    assert office.ledger(shop)["count"] == 2


def bills_now(office: Office, shop: Shop, ids: list[int]) -> list[dict[str, Any]]:
    """Return the bodies of bills as they would be made from the store now."""
    with office.desk.store.read() as session:
        known = reference.imported(session, shop.organisation_id)
        drafts = documents.drafts(session, [session.get_one(tables.Export, each) for each in ids])
        return [bill_json(documents.bill(draft, known)) for draft in drafts]


def test_a_plan_counts_the_call_for_contacts(office: Office) -> None:
    shop = office.shop()
    ids = office.exports(shop, 2)
    with office.desk.store.read() as session:
        assert plans.view(session, office.agent, office.plan(shop)).estimate.calls == 1
    name(office, ids[0], "Noor Aziz")
    with office.desk.store.read() as session:
        assert plans.view(session, office.agent, office.plan(shop)).estimate.calls == 2
