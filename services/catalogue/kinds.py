"""What is said about an error code, and the words it is said with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Where a code can come up."""

    SYNC = "sync"
    EXPORT = "export"
    BOTH = "sync and export"


class Category(StrEnum):
    """What a code is about."""

    CONNECTION = "connection"  #: the login, the access or the chosen organisation
    DATA = "data"  #: something in the report itself
    MAPPING = "mapping"  #: a category, tag, tax rate or account does not match Xero
    XERO_CONFIGURATION = "Xero configuration"  #: a setting inside Xero
    XERO_DOCUMENT = "Xero document"  #: the bill or invoice in Xero no longer accepts changes
    TRANSIENT = "transient"  #: Xero was busy or not reachable
    PLAN_LIMIT = "plan limit"  #: the Xero plan allows no more


class RetryClass(StrEnum):
    """When the same export may be sent again."""

    RECONNECT = "after reconnect"  #: unchanged, once the connection works again
    LATER = "later"  #: unchanged, after a sync or some time
    FIX_FIRST = "fix first"  #: only after data or a setting was changed
    NEVER = "never"  #: not this report; it has to be made anew


class Actor(StrEnum):
    """Who has to act."""

    XERO_ADMIN = "the Xero admin of the workspace"
    WORKSPACE_ADMIN = "a workspace admin"
    SUBMITTER = "the submitter of the report"
    SUPPORT = "Concierge / support"
    NOBODY = "nobody: wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One error code with what it means and what to do."""

    code: str  #: "XERO" and two digits
    kind: Kind
    title: str  #: two to four words for badges and lists
    message: str  #: the text the platform shows, without the code in front
    meaning: str  #: one plain sentence to the reader
    cause: str
    fix: str  #: what to do, one or two sentences
    actor: Actor
    category: Category
    retry: RetryClass
    #: The cause is shared: other exports of the workspace fail too until it is mended.
    #: Says nothing about the connection; for that see `category`.
    workspace_wide: bool = False
