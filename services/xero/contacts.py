"""The contacts that documents name: made, or matched by name where Xero has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.xero.api import ACCOUNTING, Api, understood
from services.xero.elements import EACH_BY_ITSELF, errors_of
from services.xero.reference import Contact, as_contact

_RESOURCE = "Contacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactResult:
    """What became of one name: it has either a contact or errors."""

    name: str
    contact: Contact | None
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Xero's answer to one call, a result a name in the order given."""

    results: tuple[ContactResult, ...]
    status: int
    correlation_id: str | None


def resolve_contacts(api: Api, organisation_id: str, names: Sequence[str]) -> Resolved:
    """Make contacts of these names in one call, or find those that are there.

    The names must differ in more than their case, by which Xero does not tell contacts apart. A POST
    with a name that an active contact has matches it: sent again, the call makes no second contact,
    and it needs no idempotency key, under which Xero would repeat a failure for six minutes.
    """
    answer = api.request(
        "POST",
        f"{ACCOUNTING}/{_RESOURCE}",
        organisation_id=organisation_id,
        params=EACH_BY_ITSELF,
        json={_RESOURCE: [{"Name": name} for name in names]},
    )
    with understood(answer.correlation_id, status=answer.status):
        pairs = list(zip(names, answer.data[_RESOURCE], strict=True))
        _in_order(pairs)
        results = tuple(_result(name, element) for name, element in pairs)
    return Resolved(results=results, status=answer.status, correlation_id=answer.correlation_id)


def alike(name: str) -> str:
    """Return what names have in common that Xero takes for one."""
    return " ".join(name.split()).casefold()


def _in_order(pairs: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Raise where an answer belongs to another name; that Xero tidies a name up is no sign of it."""
    asked = {alike(name) for name, _ in pairs}
    for name, element in pairs:
        echoed = alike(element.get("Name") or name)
        if echoed != alike(name) and echoed in asked:
            raise LookupError(f"the contact {name} is missing")


def _result(name: str, element: Mapping[str, Any]) -> ContactResult:
    errors = errors_of(element)
    return ContactResult(name=name, contact=None if errors else as_contact(element), errors=errors)
