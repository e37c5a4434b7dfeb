"""Contacts: suppliers, customers, employees."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import or_, select
from starlette.responses import Response

from services.sandbox.accounting.call import Call, Invalid, Item, save_each
from services.sandbox.accounting.listing import list_rows
from services.sandbox.accounting.models import Contact
from services.sandbox.accounting.wire import ms_date
from services.sandbox.models import new_id
from services.sandbox.problems import not_found

_COLUMNS = {
    "contactid": Contact.id,
    "contactnumber": Contact.number,
    "contactstatus": Contact.status,
    "name": Contact.name,
    "emailaddress": Contact.email,
    "firstname": Contact.first_name,
    "lastname": Contact.last_name,
    "issupplier": Contact.is_supplier,
    "iscustomer": Contact.is_customer,
}
#: Posted field, our field, longest text.
_FIELDS = (
    ("ContactNumber", "number", 50),
    ("EmailAddress", "email", 255),
    ("FirstName", "first_name", 255),
    ("LastName", "last_name", 255),
)
LONGEST_NAME = 255


class ContactBook:
    """The contacts that one call refers to, found with one query, and those that it adds."""

    def __init__(self, call: Call, references: Iterable[Item]) -> None:
        self._call = call
        self._by_id: dict[str, Contact] = {}
        self._by_number: dict[str, Contact] = {}
        self._by_name: dict[str, Contact] = {}
        for contact in self._load(list(references)):
            self.add(contact)

    def add(self, contact: Contact) -> None:
        """Make a contact findable; an active one keeps its name from an archived namesake."""
        self._by_id[contact.id] = contact
        if contact.number:
            self._by_number[contact.number] = contact
        if contact.status == "ACTIVE" or contact.name_key not in self._by_name:
            self._by_name[contact.name_key] = contact

    def find(self, reference: Item) -> Contact | None:
        """Find by ContactID, else by ContactNumber, else by Name, in Xero's order."""
        if id_ := _text(reference, "ContactID"):
            return self._by_id.get(id_.lower())
        number, name = _text(reference, "ContactNumber"), _text(reference, "Name")
        return self._by_number.get(number) or self._by_name.get(name.lower())

    def named(self, name: str) -> Contact | None:
        return self._by_name.get(name.lower())

    def create(self, name: str) -> Contact:
        """Make a new active contact, not yet part of the session."""
        contact = Contact(
            id=new_id(),
            organisation_id=self._call.organisation.id,
            name=name,
            name_key=name.lower(),
            email="",
            first_name="",
            last_name="",
            status="ACTIVE",
            is_supplier=False,
            is_customer=False,
            updated_at=self._call.at,
        )
        self.add(contact)
        return contact

    def _load(self, references: list[Item]) -> Iterable[Contact]:
        matches = or_(
            Contact.id.in_(_all(references, "ContactID", lower=True)),
            Contact.number.in_(_all(references, "ContactNumber")),
            Contact.name_key.in_(_all(references, "Name", lower=True)),
        )
        ours = Contact.organisation_id == self._call.organisation.id
        return self._call.session.scalars(select(Contact).where(ours, matches))


def get_contacts(call: Call) -> Response:
    """List contacts; archived ones only with `includeArchived=true`."""
    wanted = select(Contact).where(Contact.organisation_id == call.organisation.id)
    if not call.flag("includeArchived", default=False):
        wanted = wanted.where(Contact.status == "ACTIVE")
    if ids := call.listed("IDs"):
        wanted = wanted.where(Contact.id.in_([id_.lower() for id_ in ids]))
    if term := call.query("searchTerm"):
        fields = (Contact.name, Contact.email, Contact.first_name, Contact.last_name, Contact.number)
        wanted = wanted.where(or_(*(field.icontains(term, autoescape=True) for field in fields)))
    listed = list_rows(
        call, wanted, columns=_COLUMNS, order=[Contact.name_key, Contact.id], updated_at=Contact.updated_at
    )
    summary = call.flag("summaryOnly", default=False)
    return call.ok("Contacts", [_show(row, summary=summary) for row in listed.rows], **listed.extra)


def get_contact(call: Call) -> Response:
    """Answer with one contact, found by its id or its ContactNumber."""
    wanted = call.request.path_params["id"]
    contact = call.session.scalar(
        select(Contact).where(
            Contact.organisation_id == call.organisation.id,
            or_(Contact.id == wanted.lower(), Contact.number == wanted),
        )
    )
    if contact is None:
        raise not_found()
    return call.ok("Contacts", [_show(contact)])


def put_contacts(call: Call) -> Response:
    """Create contacts; a name that an active contact has is refused."""
    return _save_all(call, matching=False)


def post_contacts(call: Call) -> Response:
    """Create contacts, or update those that id, number or name identify."""
    return _save_all(call, matching=True)


def _save_all(call: Call, *, matching: bool) -> Response:
    elements = call.elements("Contacts")
    if id_ := call.request.path_params.get("id"):
        elements = [{**element, "ContactID": id_} for element in elements]
    book = ContactBook(call, elements)
    return save_each(
        call, "Contacts", "ContactID", elements, lambda posted: _save(call, book, posted, matching=matching)
    )


def _save(call: Call, book: ContactBook, posted: Item, *, matching: bool) -> Item:
    contact = book.find(posted) if matching else None
    name = _text(posted, "Name") or (contact.name if contact else "")
    namesake = book.named(name)
    errors = _problems(posted, name)
    if matching and contact is None and posted.get("ContactID"):
        errors.append("The Contact with the specified ContactID could not be found")
    if namesake and namesake is not contact and namesake.status == "ACTIVE":
        errors.append(
            f"The contact name {name} is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        )
    if errors:
        raise Invalid(errors)
    contact = contact or book.create(name)
    _write(contact, posted, name)
    contact.updated_at = call.at
    call.session.add(contact)
    book.add(contact)
    return _show(contact)


def _problems(posted: Item, name: str) -> list[str]:
    errors = [] if name else ["The contact name must be specified"]
    limits = [("Name", LONGEST_NAME), *((field, longest) for field, _, longest in _FIELDS)]
    errors += [
        f"The {field} field must not exceed {longest} characters"
        for field, longest in limits
        if len(_text(posted, field)) > longest
    ]
    if posted.get("ContactStatus", "ACTIVE") not in ("ACTIVE", "ARCHIVED"):
        errors.append("The ContactStatus is not valid")
    return errors


def _write(contact: Contact, posted: Item, name: str) -> None:
    contact.name, contact.name_key = name, name.lower()
    contact.status = posted.get("ContactStatus", contact.status)
    for field, attribute, _ in _FIELDS:
        if field in posted:
            setattr(contact, attribute, _text(posted, field))


def _show(contact: Contact, *, summary: bool = False) -> Item:
    shown: Item = {
        "ContactID": contact.id,
        "ContactStatus": contact.status,
        "Name": contact.name,
        "FirstName": contact.first_name,
        "LastName": contact.last_name,
        "EmailAddress": contact.email,
        "UpdatedDateUTC": ms_date(contact.updated_at),
        "HasValidationErrors": False,
    }
    if contact.number:
        shown["ContactNumber"] = contact.number
    if not summary:
        shown.update(
            {
                "IsSupplier": contact.is_supplier,
                "IsCustomer": contact.is_customer,
                "Addresses": [],
                "Phones": [],
            }
        )
    return shown


def _text(posted: Item, field: str) -> str:
    return str(posted.get(field) or "").strip()


def _all(references: list[Item], field: str, *, lower: bool = False) -> list[str]:
    found = {_text(reference, field) for reference in references} - {""}
    return [text.lower() if lower else text for text in found]
