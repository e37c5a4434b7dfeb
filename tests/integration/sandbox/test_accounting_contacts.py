"""Contacts: found, paged, created, kept unique by name."""

from __future__ import annotations

from typing import Any

from xero_python.accounting import Contact, Contacts

from tests.integration.sandbox.driver import Connected, Driver
from tests.integration.sandbox.papers import messages, send


def put(sandbox: Driver, who: Connected, *contacts: dict[str, Any], **query: str) -> tuple[int, Any]:
    return send(sandbox, who, "PUT", "/Contacts", {"Contacts": list(contacts)}, **query)


def test_the_sdk_creates_a_contact_and_finds_it_again(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, api = sandbox.sdk(who.token)
    tenant = who.organisation["id"]
    posted = Contact(name="Rosa Delgado", email_address="rosa@example.com", contact_number="EMP-7")
    [made] = api.create_contacts(tenant, Contacts(contacts=[posted])).contacts
    [found] = api.get_contacts(tenant, search_term="delgado").contacts
    assert (found.contact_id, found.email_address) == (made.contact_id, "rosa@example.com")
    assert api.get_contact(tenant, "EMP-7").contacts[0].contact_id == made.contact_id


def test_a_name_that_an_active_contact_has_is_refused_whatever_its_case(sandbox: Driver) -> None:
    who = sandbox.connected()
    status, body = put(sandbox, who, {"Name": "parkway CABS"})
    assert status == 400
    assert messages(body["Elements"][0]) == [
        "The contact name parkway CABS is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    ]


def test_the_name_of_an_archived_contact_is_free_again(sandbox: Driver) -> None:
    who = sandbox.connected()
    send(sandbox, who, "POST", "/Contacts", {"Name": "Parkway Cabs", "ContactStatus": "ARCHIVED"})
    assert put(sandbox, who, {"Name": "Parkway Cabs"})[0] == 200


def test_posting_a_known_name_updates_that_contact(sandbox: Driver) -> None:
    who = sandbox.connected()
    changed = {"Name": "Parkway Cabs", "EmailAddress": "desk@parkway.example"}
    status, body = send(sandbox, who, "POST", "/Contacts", {"Contacts": [changed]})
    assert status == 200
    _, listed = send(sandbox, who, "GET", "/Contacts", where='Name=="Parkway Cabs"')
    assert [contact["EmailAddress"] for contact in listed["Contacts"]] == ["desk@parkway.example"]
    assert listed["Contacts"][0]["ContactID"] == body["Contacts"][0]["ContactID"]


def test_a_contact_without_a_name_or_with_too_long_a_number_is_refused(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, body = put(
        sandbox, who, {"EmailAddress": "x@example.com"}, {"Name": "Long", "ContactNumber": "9" * 51}
    )
    assert [messages(element) for element in body["Elements"]] == [
        ["The contact name must be specified"],
        ["The ContactNumber field must not exceed 50 characters"],
    ]


def test_archived_contacts_are_listed_only_on_request(sandbox: Driver) -> None:
    who = sandbox.connected()
    send(sandbox, who, "POST", "/Contacts", {"Name": "Parkway Cabs", "ContactStatus": "ARCHIVED"})
    names = {}
    for archived in ("false", "true"):
        _, body = send(sandbox, who, "GET", "/Contacts", includeArchived=archived)
        names[archived] = {contact["Name"] for contact in body["Contacts"]}
    assert names["true"] - names["false"] == {"Parkway Cabs"}


def test_pages_together_hold_every_contact_once(sandbox: Driver) -> None:
    who = sandbox.connected()
    put(sandbox, who, *({"Name": f"Supplier {n:03}"} for n in range(230)))
    seen: list[str] = []
    for page in ("1", "2", "3"):
        _, body = send(sandbox, who, "GET", "/Contacts", page=page)
        seen += [contact["ContactID"] for contact in body["Contacts"]]
    assert body["pagination"] == {"page": 3, "pageSize": 100, "pageCount": 3, "itemCount": len(seen)}
    assert len(set(seen)) == len(seen) > 230


def test_a_page_holds_at_most_a_thousand(sandbox: Driver) -> None:
    who = sandbox.connected()
    _, body = send(sandbox, who, "GET", "/Contacts", page="1", pageSize="5000")
    assert body["pagination"]["pageSize"] == 1000


def test_only_contacts_changed_since_a_moment_are_listed(sandbox: Driver) -> None:
    who = sandbox.connected()
    headers = who.headers | {"If-Modified-Since": "2100-01-01T00:00:00"}
    assert sandbox.http.get("/api.xro/2.0/Contacts", headers=headers).json()["Contacts"] == []


def test_an_unknown_contact_is_404(sandbox: Driver) -> None:
    who = sandbox.connected()
    answer = sandbox.http.get("/api.xro/2.0/Contacts/nobody", headers=who.headers)
    assert (answer.status_code, answer.text) == (404, "The resource you're looking for cannot be found")
