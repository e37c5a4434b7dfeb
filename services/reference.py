"""What was imported from an organisation, and whether an export would fit it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from services.store import tables
from services.xero.reference import Account, Contact, TaxRate, TrackingCategory

ACCOUNT, TAX_RATE, TRACKING, CONTACT = "account", "tax rate", "tracking", "contact"
CURRENCY = "currency"
ACTIVE = "ACTIVE"


_Item = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The reference data of one organisation, as of its last sync.

    Xero tells neither codes nor names apart by their case; the methods find as Xero does.
    """

    accounts: Mapping[str, Mapping[str, Any]]  #: by account code
    tax_rates: Mapping[str, Mapping[str, Any]]  #: by tax type
    tracking: Mapping[str, Mapping[str, Any]]  #: by category name
    contacts: Mapping[str, Mapping[str, Any]]  #: by name
    currencies: frozenset[str]  #: that documents may be in; empty where they were never imported
    period_lock_date: date | None
    end_of_year_lock_date: date | None

    @property
    def lock_date(self) -> date | None:
        """Return the later of the two lock dates: nothing may be dated on or before it."""
        dates = [day for day in (self.period_lock_date, self.end_of_year_lock_date) if day]
        return max(dates, default=None)

    def account(self, code: str) -> _Item | None:
        return self._accounts.get(_alike(code))

    def tax_rate(self, tax_type: str) -> _Item | None:
        return self._tax_rates.get(_alike(tax_type))

    def category(self, name: str) -> _Item | None:
        """Return the active tracking category of this name."""
        return self._categories.get(_alike(name))

    def contact(self, name: str) -> _Item | None:
        """Return the contact of this name: of namesakes the active one."""
        return self._contacts.get(_alike(name.strip()))

    @cached_property
    def _accounts(self) -> Mapping[str, _Item]:
        return {_alike(code): account for code, account in self.accounts.items()}

    @cached_property
    def _tax_rates(self) -> Mapping[str, _Item]:
        return {_alike(tax_type): rate for tax_type, rate in self.tax_rates.items()}

    @cached_property
    def _categories(self) -> Mapping[str, _Item]:
        return {_alike(name): category for name, category in self.tracking.items()}

    @cached_property
    def _contacts(self) -> Mapping[str, _Item]:
        active_last = sorted(self.contacts.items(), key=lambda item: is_active(item[1]))
        return {_alike(name): contact for name, contact in active_last}


def is_active(item: _Item) -> bool:
    """Return whether an account, tax rate, tracking option or contact can be used."""
    return bool(item["status"] == ACTIVE)


def _alike(name: str) -> str:
    return name.lower()


def store_imported(
    session: Session,
    organisation_id: str,
    *,
    accounts: Iterable[Account],
    tax_rates: Iterable[TaxRate],
    tracking: Iterable[TrackingCategory],
    contacts: Iterable[Contact],
    currencies: Iterable[str],
) -> None:
    """Replace everything that was imported from an organisation before."""
    items = {
        **{(ACCOUNT, account.code): asdict(account) for account in accounts if account.code},
        **{(TAX_RATE, rate.tax_type): _tax_rate(rate) for rate in tax_rates},
        **{(TRACKING, category.name): asdict(category) for category in tracking},
        # Of namesakes the active one counts: only its name is unique.
        **{(CONTACT, contact.name): asdict(contact) for contact in sorted(contacts, key=_is_active)},
        **{(CURRENCY, code): {} for code in currencies},
    }
    session.execute(
        delete(tables.ReferenceItem).where(tables.ReferenceItem.organisation_id == organisation_id)
    )
    rows = [
        {"organisation_id": organisation_id, "kind": kind, "key": key, "data": data}
        for (kind, key), data in items.items()
    ]
    if rows:
        session.execute(insert(tables.ReferenceItem), rows)


def _is_active(contact: Contact) -> bool:
    return contact.status == ACTIVE


def _tax_rate(rate: TaxRate) -> dict[str, Any]:
    return {**asdict(rate), "effective_rate": str(rate.effective_rate), "applies_to": sorted(rate.applies_to)}


def imported(session: Session, organisation_id: str) -> Imported:
    """Return what was imported from an organisation."""
    kinds: dict[str, dict[str, Mapping[str, Any]]] = {
        kind: {} for kind in (ACCOUNT, TAX_RATE, TRACKING, CONTACT, CURRENCY)
    }
    item = tables.ReferenceItem
    rows = select(item.kind, item.key, item.data).where(item.organisation_id == organisation_id)
    for kind, key, data in session.execute(rows):
        kinds[kind][key] = data
    organisation = session.get_one(tables.Organisation, organisation_id)
    return Imported(
        accounts=kinds[ACCOUNT],
        tax_rates=kinds[TAX_RATE],
        tracking=kinds[TRACKING],
        contacts=kinds[CONTACT],
        currencies=frozenset(kinds[CURRENCY]),
        period_lock_date=organisation.period_lock_date,
        end_of_year_lock_date=organisation.end_of_year_lock_date,
    )


def contacts(session: Session, organisation_id: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the contacts known of an organisation, by name."""
    rows = session.execute(
        select(tables.ReferenceItem.key, tables.ReferenceItem.data).where(
            tables.ReferenceItem.organisation_id == organisation_id, tables.ReferenceItem.kind == CONTACT
        )
    )
    return dict(rows.all())


def keep_contacts(session: Session, organisation_id: str, contacts: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep contacts beside what was imported, by name; the next sync replaces them all."""
    for name, data in contacts.items():
        session.merge(
            tables.ReferenceItem(organisation_id=organisation_id, kind=CONTACT, key=name, data=dict(data))
        )
