"""The contacts of a batch: known from the import, or settled in Xero with one call before it is sent.

A batch that has to be sent again goes out with the very same body. So the contacts are settled, and
their ids kept with what was imported, before the batch's attempts are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services import documents, reference
from services.documents import Draft
from services.lane import LaneWork
from services.store import tables
from services.store.states import GOES
from services.xero.contacts import ContactResult, alike, resolve_contacts
from services.xero.errors import REFUSALS, XeroError
from services.xero.reference import Contact

#: Xero's words of a document whose contact is archived (xero.com, Accounting API).
ARCHIVED = "The contact has been archived. It must be un-archived before it is used again."


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
    with work.desk.store.read() as session:
        kept = reference.contacts(session, work.organisation_id)
    active = {alike(name): each for name, each in kept.items() if each["status"] == reference.ACTIVE}
    missing = {alike(name): name for name in sorted(unknown, reverse=True) if alike(name) not in active}
    answers = _ask(work, list(missing.values())) if missing else {}
    made = {key: asdict(each) for key, each in answers.items() if isinstance(each, Contact)}
    # Under each spelling that a report uses: so they are found again without a call.
    found = {name: (active | made)[alike(name)] for name in unknown if alike(name) in active | made}
    with work.desk.store.begin() as session:
        reference.keep_contacts(session, work.organisation_id, found)
    refusals = {key: each for key, each in answers.items() if isinstance(each, Refusal)}
    known = replace(work.known, contacts={**work.known.contacts, **found})
    return Settled(
        replace(work, known=known),
        {name: refusals[alike(name)] for name in unknown if alike(name) in refusals},
    )


def _ask(work: LaneWork, names: Sequence[str]) -> Mapping[str, Contact | Refusal]:
    """Return Xero's answer to each name, by what is alike in names."""
    try:
        resolved = resolve_contacts(work.api, work.organisation_id, names)
    except XeroError as error:
        if error.fault not in REFUSALS:
            raise
        if len(names) == 1:
            return {alike(names[0]): Refusal((error.detail,), error.status, error.correlation_id)}
        # Refused as a whole, which says nothing of which name is at fault.
        return {key: answer for name in names for key, answer in _ask(work, [name]).items()}
    return {
        alike(result.name): _usable(result)
        or Refusal(_errors(result), resolved.status, resolved.correlation_id)
        for result in resolved.results
    }


def _usable(result: ContactResult) -> Contact | None:
    contact = result.contact
    return contact if contact is not None and contact.status == reference.ACTIVE else None


def _errors(result: ContactResult) -> tuple[str, ...]:
    return result.errors or (ARCHIVED,)


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
        .where(tables.PlanItem.plan_id == plan_id, tables.PlanItem.verdict.in_(GOES), ~known.exists())
        .group_by(tables.PlanItem.workspace_id)
    )
    return dict(rows.all())
