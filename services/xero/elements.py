"""What Xero says of one element of a batch that was sent with `summarizeErrors=false`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: A batch is then answered with one result an element, and one bad element harms no other.
EACH_BY_ITSELF = {"summarizeErrors": "false"}

_NO_ID = "00000000-0000-0000-0000-000000000000"


def errors_of(element: Mapping[str, Any]) -> tuple[str, ...]:
    """Return why Xero refused the element, in its words; empty where it did not."""
    errors = messages(element, "ValidationErrors")
    if not errors and (element.get("HasErrors") or element.get("StatusAttributeString") == "ERROR"):
        return ("Xero refused it without saying why.",)
    return errors


def messages(element: Mapping[str, Any], member: str) -> tuple[str, ...]:
    return tuple(str(each["Message"]) for each in element.get(member) or ())


def id_of(element: Mapping[str, Any], member: str) -> str | None:
    """Return the id that Xero gave the element, None where it gave none."""
    found = element.get(member)
    if found is not None and not isinstance(found, str):
        raise TypeError(f"{member} is no text")
    return None if found == _NO_ID else found or None
