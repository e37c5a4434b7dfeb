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
    WRONG_ROLE = "wrong role"
    NO_ORGANISATION = "no organisation"
    ORGANISATION_TAKEN = "organisation taken"
    CANCELLED = "cancelled"
    SCOPE_MISSING = "scope missing"
    TOO_LATE = "too late"
    CODE_USED = "code used"
    XERO_DOWN = "Xero down"
    APP_MISCONFIGURED = "app misconfigured"
    UNKNOWN_STATE = "unknown return"
    FOREIGN_STATE = "foreign return"
    USED_STATE = "used return"
    TAKEN_OVER = "taken over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal as a person sees it."""

    kind: RefusalKind
    title: str
    text: str
    expected: str  #: what this workspace needed
    came: str  #: what came back instead
    way_out: str


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of one kind; the names in braces are the particulars of the return."""

    title: str
    text: str
    expected: str
    came: str
    way_out: str


_UNTOUCHED = "The connection is as it was before."
_OURS = "{expected}, by {expected_user}"

_WORDS: Mapping[RefusalKind, _Words] = {
    RefusalKind.OTHER_ORGANISATION: _Words(
        "That is another organisation",
        "This workspace exports to {expected}. In Xero, {chosen} was chosen. Exports and mappings belong to "
        "{expected}, so nothing of them may go to another organisation. " + _UNTOUCHED,
        _OURS,
        "{chosen}, by {user}",
        "Reconnect again and choose {expected} on Xero's page. If the workspace is meant to export to "
        "{chosen} from now on, that is no reconnect: first bring what waits into {expected} or set it aside, "
        "then disconnect the workspace on its page, which says what is lost, and connect it anew.",
    ),
    RefusalKind.OTHER_USER: _Words(
        "That is another Xero login",
        "This connection was set up by {expected_user}. You logged in to Xero as {user}. " + _UNTOUCHED,
        _OURS,
        "{chosen}, by {user}",
        "Reconnect again with the login of {expected_user}. If nobody has that login any more, press "
        "That person left beside the button Reconnect: support can then approve another login, once.",
    ),
    RefusalKind.WRONG_ROLE: _Words(
        "This login may not connect {expected}",
        "Xero let {user} in, but gives this login no organisation: it is not Standard or Adviser in "
        "{expected}, or no longer. " + _UNTOUCHED,
        "{expected}, by {expected_user}, as Standard or Adviser",
        "No organisation, by {user}",
        "Ask an Adviser of {expected} to give this login the role Standard or Adviser in Xero (Settings > "
        "Users), then reconnect again.",
    ),
    RefusalKind.NO_ORGANISATION: _Words(
        "No organisation was chosen",
        "Xero let {user} in, but {expected} was not chosen there, and nothing else can stand in for it "
        "(XERO84). " + _UNTOUCHED,
        _OURS,
        "No organisation, by {user}",
        "Reconnect again and choose {expected}. If it is not in Xero's list, this login needs the Standard "
        "or Adviser role there.",
    ),
    RefusalKind.ORGANISATION_TAKEN: _Words(
        "That organisation belongs to another workspace",
        "{chosen} is connected to another workspace already. One organisation takes exports from one "
        "workspace. " + _UNTOUCHED,
        "An organisation that no other workspace is connected to",
        "{chosen}, by {user}",
        "Reconnect again and choose this workspace's own organisation. If {chosen} is the right one, the "
        "other workspace has to be disconnected from it first: ask support which one that is.",
    ),
    RefusalKind.CANCELLED: _Words(
        "Access was not given",
        "Cancel was pressed on Xero's page, so nothing changed. " + _UNTOUCHED,
        _OURS,
        "No access: Cancel was pressed",
        "Reconnect again and press Allow access at the end. If {expected} was not in Xero's list, the login "
        "you used is not Standard or Adviser there: use that of {expected_user}, or have the role changed.",
    ),
    RefusalKind.SCOPE_MISSING: _Words(
        "Xero gave fewer permissions than exports need",
        "What is missing: {missing}. " + _UNTOUCHED,
        "{expected}, with every permission on Xero's page",
        "Access without {missing}",
        "Reconnect again and allow everything that Xero's page lists.",
    ),
    RefusalKind.TOO_LATE: _Words(
        "The way back from Xero took too long",
        "A reconnect has 15 minutes between leaving and coming back. " + _UNTOUCHED,
        "A return within 15 minutes",
        "A return that had expired",
        "Reconnect again; have the Xero login and its second factor at hand.",
    ),
    RefusalKind.CODE_USED: _Words(
        "Xero's answer could not be used",
        "The code that Xero sent back was used already or is too old. " + _UNTOUCHED,
        "A fresh code for {expected}",
        "A code that Xero no longer accepts",
        "Reconnect again. Do not reload Xero's page on the way back.",
    ),
    RefusalKind.XERO_DOWN: _Words(
        "Xero did not answer",
        "The access could not be checked. What came back: {answer} " + _UNTOUCHED,
        _OURS,
        "No usable answer from Xero",
        "Wait a few minutes and reconnect again. Nothing is lost meanwhile.",
    ),
    RefusalKind.APP_MISCONFIGURED: _Words(
        "Xero refuses Relink's own app",
        "Xero answered: {answer} No login can mend that. " + _UNTOUCHED,
        _OURS,
        "A refusal of Relink's app, whatever the login",
        "Tell the people who run Relink that the Xero app's id, secret or permissions are wrong. Reconnect "
        "once they have mended that.",
    ),
    RefusalKind.UNKNOWN_STATE: _Words(
        "This return from Xero belongs to nothing here",
        "It does not belong to a reconnect that was started here. Nothing was changed. " + _UNTOUCHED,
        "A reconnect started in this Relink",
        "A return that nobody here asked for",
        "Open the workspace and press Reconnect.",
    ),
    RefusalKind.FOREIGN_STATE: _Words(
        "This reconnect was started elsewhere",
        "It was started by {expected_user} in one browser, and came back in another browser or under "
        "another name. Nothing was changed. " + _UNTOUCHED,
        "{expected_user}, in the browser that left for Xero",
        "{user}, in this browser",
        "Go on in that browser, or open the workspace and press Reconnect here.",
    ),
    RefusalKind.USED_STATE: _Words(
        "This return from Xero was used already",
        "A return counts once, however often the page is loaded. Nothing was changed by loading it again.",
        "One return for each way to Xero",
        "The same return once more, by {user}",
        "Open the workspace's page: it shows how the reconnect went.",
    ),
    RefusalKind.TAKEN_OVER: _Words(
        "Somebody else went on with this reconnect",
        "{taken_over_by} took over while you were at Xero, so your return was not used. " + _UNTOUCHED,
        "A return of {taken_over_by}",
        "A return of {user}",
        "Watch on the workspace's page how it goes, or take over there in turn.",
    ),
}

#: What Xero's scopes let Relink do, as Xero's own page words it.
_PERMISSIONS = {
    "offline_access": "staying connected",
    "accounting.settings.read": "organisation settings and accounts",
    "accounting.contacts": "contacts",
    "accounting.invoices": "bills and invoices",
    "accounting.banktransactions": "bank transactions",
    "accounting.attachments": "attached files",
}

#: What stands for a name that Xero or the store did not tell.
_UNNAMED = {
    "expected": "the organisation of this workspace",
    "expected_user": "the login used at first",
    "chosen": "another organisation",
    "user": "a Xero user without a name",
    "missing": "a permission",
    "answer": "nothing that can be read.",
    "taken_over_by": "Somebody else",
}


def describe(kind: str, particulars: Mapping[str, str], *, masked: bool = False) -> Refusal:
    """Put a stored refusal into words; masked for everybody but the workspace's own admins."""
    known = {name: mask(value) if masked else value for name, value in particulars.items()}
    if "missing" in known:
        known["missing"] = _permissions(known["missing"])
    words, said = _WORDS[RefusalKind(kind)], {**_UNNAMED, **known}
    return Refusal(
        kind=RefusalKind(kind),
        title=words.title.format_map(said),
        text=words.text.format_map(said),
        expected=words.expected.format_map(said),
        came=words.came.format_map(said),
        way_out=words.way_out.format_map(said),
    )


def _permissions(scopes: str) -> str:
    """Say what scopes are for, each with its own name, by which those who run Relink know it."""
    named = [(scope, _PERMISSIONS.get(scope)) for scope in scopes.split(", ")]
    return ", ".join(f"{words} ({scope})" if words else scope for scope, words in named)
