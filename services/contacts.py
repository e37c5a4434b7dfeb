"""The contacts of a batch: known from the import, or settled in Xero with one call before it is sent.

A batch that has to be sent again goes out with the very same body. So the contacts are settled, and
their ids kept with what was imported, before the batch's attempts are written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import documents, reference
from services.documents import Draft
from services.lane import LaneWork
from services.store import tables
from services.store.states import GOES, Verdict
from services.xero.contacts import ContactResult, Resolved, alike, resolve_contacts
from services.xero.errors import REFUSALS, XeroError

ARCHIVED = "It is archived in Xero. Restore it there under Contacts, then retry."

Kept = Mapping[str, Any]  # a contact as it is kept with what was imported


@dataclass(frozen=True, slots=True)
class Refusal:
    """Xero's no to a contact."""

    errors: tuple[str, ...]
    status: int | None
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The lane's work with the contacts of a batch, and the names that Xero refuses."""

    work: LaneWork
    refused: Mapping[str, Refusal]


def settle(work: LaneWork, drafts: Sequence[Draft]) -> Settled:
    """Settle the contacts of these documents, with one call for all that are not known.

    Raises `XeroError` and `MustWait`, with nothing lost: the call can be made again.
    """
    unknown = {d.report.submitter_name for d in drafts if documents.contact_id(d, work.known) is None}
    if not unknown:
        return Settled(work, {})
    answers = _answers(work, unknown)
    refused = {name: each for name, each in answers.items() if isinstance(each, Refusal)}
    found = {name.strip(): each for name, each in answers.items() if not isinstance(each, Refusal)}
    with work.desk.store.begin() as session:
        reference.keep_contacts(session, work.organisation_id, found)
    known = replace(work.known, contacts={**work.known.contacts, **found})
    return Settled(replace(work, known=known), refused)


def _answers(work: LaneWork, names: Collection[str]) -> Mapping[str, Kept | Refusal]:
    """Return the contact of each name, or Xero's no to it.

    By each spelling that a report uses, so that it is found again without a call; Xero is asked for
    one of them, and never for another spelling of a contact that it has: that would rename it.
    """
    with work.desk.store.read() as session:
        kept = reference.contacts(session, work.organisation_id)
    known = {alike(name): each for name, each in kept.items() if each["status"] == reference.ACTIVE}
    missing = {alike(name): name for name in sorted(names, reverse=True) if alike(name) not in known}
    asked = _ask(work, list(missing.values())) if missing else {}
    return {name: known.get(alike(name)) or asked[alike(name)] for name in names}


def _ask(work: LaneWork, names: Sequence[str]) -> Mapping[str, Kept | Refusal]:
    """Return Xero's answer to each name, by what spellings of it have in common."""
    try:
        resolved = resolve_contacts(work.api, work.organisation_id, names)
    except XeroError as error:
        if error.fault not in REFUSALS:
            raise
        if len(names) == 1:
            return {alike(names[0]): Refusal((error.detail,), error.status, error.correlation_id)}
        # Refused as a whole, which says nothing of which name is at fault.
        return {key: answer for name in names for key, answer in _ask(work, [name]).items()}
    return {alike(result.name): _answer(result, resolved) for result in resolved.results}


def _answer(result: ContactResult, resolved: Resolved) -> Kept | Refusal:
    contact = result.contact
    if contact is not None and contact.status == reference.ACTIVE:
        return asdict(contact)
    return Refusal(result.errors or (ARCHIVED,), resolved.status, resolved.correlation_id)


def names_unknown(session: Session, plan_id: str) -> Mapping[str, int]:
    """Return how many contacts of a plan's exports are not known, by workspace."""
    known = select(tables.ReferenceItem.key).where(
        tables.ReferenceItem.organisation_id == tables.Export.organisation_id,
        tables.ReferenceItem.kind == reference.CONTACT,
        tables.ReferenceItem.key == tables.Report.submitter_name,
    )
    rows = session.execute(
        select(tables.PlanItem.workspace_id, func.count(tables.Report.submitter_name.distinct()))
        .join(tables.Export, tables.Export.id == tables.PlanItem.export_id)
        .join(tables.Report, tables.Report.id == tables.Export.report_id)
        .where(
            tables.PlanItem.plan_id == plan_id,
            tables.PlanItem.verdict.in_(GOES - {Verdict.RECEIPTS}),
            ~known.exists(),
        )
        .group_by(tables.PlanItem.workspace_id)
    )
    return dict(rows.all())
