"""An objection, and the words that many of them are made of: what is wrong, and where to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.answers import UNNAMED

AGAIN = "on the expense platform and import the report again"
CHART = "in Xero (Accounting > Chart of accounts) and sync"

#: What XML 1.0 cannot carry (section 2.2), and so nothing that Xero stores.
_UNREADABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_PRINTABLE_ASCII = re.compile("[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why Xero would refuse a document: our code, and the field, its value and where to mend it."""

    code: str
    message: str


def unnamed(message: str) -> Objection:
    """Object to what no code of the catalogue fits."""
    return Objection(UNNAMED, message)


def if_too_long(field: str, text: str, most: int) -> Iterator[Objection]:
    if len(text) > most:
        yield unnamed(
            f"The {field} has {len(text):,} characters, and Xero takes at most {most:,}. Shorten it {AGAIN}."
        )


def if_unreadable(field: str, text: str, *, ascii_only: bool = False) -> Iterator[Objection]:
    """Object to the first character that Xero does not take."""
    found = (_NOT_PRINTABLE_ASCII if ascii_only else _UNREADABLE).search(text)
    if found is not None:
        yield Objection(
            "XERO83",
            f"The {field} contains a character that Xero does not take: U+{ord(found[0]):04X}. Retype it "
            f"in plain letters {AGAIN}.",
        )
