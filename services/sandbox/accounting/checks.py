"""What invoices and bank transactions are checked for alike: characters, contact, date, currency."""

from __future__ import annotations

import re
from datetime import date

from services.sandbox.accounting.call import Item
from services.sandbox.accounting.contacts import LONGEST_NAME, ContactBook
from services.sandbox.accounting.models import Contact
from services.sandbox.accounting.wire import read_day
from services.sandbox.models import Organisation

#: Xero's amount types; the first is the default.
AMOUNT_TYPES = ("Exclusive", "Inclusive", "NoTax")

#: What XML 1.0 cannot carry (section 2.2): Xero turns every body into XML.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check_characters(posted: object, errors: list[str]) -> None:
    """Refuse a character that XML cannot carry, wherever it is in an element."""
    if isinstance(posted, str) and (found := _NOT_XML.search(posted)):
        character = found[0]
        errors.append(f"'{character}', hexadecimal value 0x{ord(character):02X}, is an invalid character.")
    elif isinstance(posted, dict | list):
        for value in posted.values() if isinstance(posted, dict) else posted:
            check_characters(value, errors)


def check_contact(posted: Item, book: ContactBook, errors: list[str]) -> Contact | None:
    """Return the contact that a document names; an unknown name makes a new contact, as in Xero."""
    reference = posted.get("Contact")
    if not isinstance(reference, dict):
        errors.append("A Contact must be specified for this type of transaction")
        return None
    name = str(reference.get("Name") or "").strip()
    if not (name or reference.get("ContactID") or reference.get("ContactNumber")):
        errors.append(
            "The Contact must contain at least 1 of the following elements to identify the contact: "
            "Name, ContactID, ContactNumber"
        )
        return None
    if len(name) > LONGEST_NAME:
        errors.append(f"The Name field must not exceed {LONGEST_NAME} characters")
        return None
    contact = book.find(reference)
    if contact is None and not reference.get("ContactID") and name:
        return book.create(name)
    if contact is None:
        errors.append("The Contact with the specified contact details could not be found")
    elif contact.status == "ARCHIVED":
        errors.append(
            "The contact with the specified contact details has been archived. The contact must be "
            "un-archived before creating new invoices or credit notes."
        )
    return contact


def check_day(posted: Item, field: str, errors: list[str]) -> date | None:
    """Read a posted day; `None` where there is none."""
    if not posted.get(field):
        return None
    try:
        return read_day(posted[field])
    except ValueError:
        errors.append(f"The {field} field is not a valid date.")
        return None


def check_locks(organisation: Organisation, day: date, errors: list[str]) -> None:
    """Refuse a document dated on or before a lock date."""
    locks = {
        "end of year lock date": organisation.end_of_year_lock_date,
        "period lock date": organisation.period_lock_date,
    }
    for name, text in locks.items():
        if text and day <= date.fromisoformat(text):
            shown = f"{date.fromisoformat(text):%d-%b-%Y}"
            errors.append(f"The document date cannot be before the {name}, currently set at {shown}")
            return


def check_currency(posted: Item, organisation: Organisation, default: str, errors: list[str]) -> str:
    """Return the document's currency, which the organisation must have enabled."""
    code = str(posted.get("CurrencyCode") or default).upper()
    if code not in {organisation.currency, *organisation.currencies}:
        errors.append(f"Organisation is not subscribed to currency {code}")
    return code


def check_choice(posted: Item, field: str, choices: tuple[str, ...], default: str, errors: list[str]) -> str:
    """Return a posted word, which must be one of `choices`, in their spelling."""
    word = str(posted.get(field) or default)
    found = next((choice for choice in choices if choice.lower() == word.lower()), None)
    if found is None:
        errors.append(f"The {field} '{word}' is not valid")
    return found or default
