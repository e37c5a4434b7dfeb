"""Why a reconnect was refused: both sides by name, and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.members import mask


class RefusalKind(StrEnum):
    """Each way in which a return from Xero is not accepted."""

    OTHER_ORGANISATION = "other organisation"
    OTHER_USER = "other user"
    NO_ORGANISATION = "no organisation"
    ORGANISATION_TAKEN = "organisation taken"
    CANCELLED = "cancelled"
    SCOPE_MISSING = "scope missing"
    TOO_LATE = "too late"
    CODE_USED = "code used"
    XERO_DOWN = "Xero down"
    APP_MISCONFIGURED = "app misconfigured"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal as a person sees it."""

    kind: str
    title: str
    text: str
    way_out: str


_UNTOUCHED = "The connection is as it was before."

#: Title, text and way out; the names in braces are the particulars of the return.
_WORDS: Mapping[RefusalKind, tuple[str, str, str]] = {
    RefusalKind.OTHER_ORGANISATION: (
        "That is another organisation",
        "This workspace exports to {expected}. In Xero, {chosen} was chosen. " + _UNTOUCHED,
        "Reconnect again and choose {expected} on Xero's page. A workspace does not move to another "
        "organisation here: its exports and mappings belong to {expected}.",
    ),
    RefusalKind.OTHER_USER: (
        "That is another Xero login",
        "This connection was set up by {expected_user}. You logged in to Xero as {user}. " + _UNTOUCHED,
        "Reconnect again with the login of {expected_user}. If that person has left, ask support: "
        "a change of the Xero admin has to be approved.",
    ),
    RefusalKind.NO_ORGANISATION: (
        "No organisation was chosen",
        "Xero let {user} in, but the login connects to no organisation here. " + _UNTOUCHED,
        "Reconnect again and choose {expected}. If it is not in Xero's list, this login needs the Standard "
        "or Adviser role there.",
    ),
    RefusalKind.ORGANISATION_TAKEN: (
        "That organisation belongs to another workspace",
        "{chosen} is connected to another workspace already. One organisation takes exports from one "
        "workspace. " + _UNTOUCHED,
        "Reconnect again and choose the organisation of this workspace.",
    ),
    RefusalKind.CANCELLED: (
        "Access was not given",
        "Cancel was pressed on Xero's page, so nothing changed. " + _UNTOUCHED,
        "Reconnect again and press Allow access at the end.",
    ),
    RefusalKind.SCOPE_MISSING: (
        "Xero gave fewer permissions than exports need",
        "Missing: {missing}. " + _UNTOUCHED,
        "Reconnect again and allow everything that Xero's page lists.",
    ),
    RefusalKind.TOO_LATE: (
        "The way back from Xero took too long",
        "A reconnect has 15 minutes between leaving and coming back. " + _UNTOUCHED,
        "Reconnect again; have the Xero login and its second factor at hand.",
    ),
    RefusalKind.CODE_USED: (
        "Xero's answer could not be used",
        "The code that Xero sent back was used already or is too old. " + _UNTOUCHED,
        "Reconnect again. Do not reload Xero's page on the way back.",
    ),
    RefusalKind.XERO_DOWN: (
        "Xero did not answer",
        "Xero could not be reached when the access was checked ({answer}). " + _UNTOUCHED,
        "Wait a few minutes and reconnect again. Nothing is lost meanwhile.",
    ),
    RefusalKind.APP_MISCONFIGURED: (
        "Xero refuses Relink's own app",
        "Xero answered {answer}. No login can mend that. " + _UNTOUCHED,
        "Tell the people who run Relink: the Xero app's id, secret or permissions are wrong.",
    ),
}


def describe(kind: str, particulars: Mapping[str, str], *, masked: bool = False) -> Refusal:
    """Put a stored refusal into words; masked for everybody but the workspace's own admins."""
    title, text, way_out = _WORDS[RefusalKind(kind)]
    said = {name: mask(value) if masked else value for name, value in particulars.items()}
    return Refusal(kind, title, text.format_map(said), way_out.format_map(said))
