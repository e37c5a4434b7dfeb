"""Contacts of several names are one call, and each answer goes to the name it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from services.xero.contacts import ContactResult, resolve_contacts
from services.xero.errors import Fault, XeroError
from services.xero.reference import Contact
from tests.unit.xero.scripted import ORGANISATION, Script

NO_ID = "00000000-0000-0000-0000-000000000000"


def there(name: str, **changes: Any) -> dict[str, Any]:
    return {"ContactID": f"id-of-{name}", "Name": name, "ContactStatus": "ACTIVE"} | changes


def refused(name: str, message: str) -> dict[str, Any]:
    return {"ContactID": NO_ID, "Name": name, "HasErrors": True, "ValidationErrors": [{"Message": message}]}


def resolve(xero: Script, *names: str) -> tuple[ContactResult, ...]:
    with xero.api() as api:
        return resolve_contacts(api, ORGANISATION, names).results


def test_names_are_posted_in_one_call_that_answers_for_each(xero: Script) -> None:
    xero.reply({"Contacts": [there("Ada"), refused("Ben", "Too long")]}, Xero_Correlation_Id="c-1")
    with xero.api() as api:
        resolved = resolve_contacts(api, ORGANISATION, ["Ada", "Ben"])
    ada = Contact(id="id-of-Ada", name="Ada", email=None, status="ACTIVE", number=None)
    assert resolved.results == (
        ContactResult(name="Ada", contact=ada, errors=()),
        ContactResult(name="Ben", contact=None, errors=("Too long",)),
    )
    assert (resolved.status, resolved.correlation_id) == (200, "c-1")
    [asked] = xero.asked
    assert (asked.method, asked.path) == ("POST", "/api.xro/2.0/Contacts")
    assert asked.query == {"summarizeErrors": "false"}
    assert asked.json == {"Contacts": [{"Name": "Ada"}, {"Name": "Ben"}]}
    assert "idempotency-key" not in asked.headers


def test_a_name_that_xero_tidies_up_is_still_the_one_that_was_asked_for(xero: Script) -> None:
    xero.reply({"Contacts": [there("Ada Moss"), there("Zoë")]})
    first, second = resolve(xero, "ada  moss ", "Zoe\u0308")
    assert first.contact is not None
    assert (first.name, first.contact.name) == ("ada  moss ", "Ada Moss")
    assert second.contact is not None


@pytest.mark.parametrize(
    "elements",
    [
        [there("Ada")],
        [there("Ben"), there("Ada")],
        [there("Ada"), {"Name": "Ben"}],
        [there("Ada"), None],
        {"Ada": there("Ada"), "Ben": there("Ben")},
        None,
    ],
)
def test_an_answer_that_does_not_fit_the_names_is_no_answer(xero: Script, elements: Any) -> None:
    xero.reply({"Contacts": elements})
    with pytest.raises(XeroError) as caught:
        resolve(xero, "Ada", "Ben")
    assert caught.value.fault is Fault.MALFORMED
