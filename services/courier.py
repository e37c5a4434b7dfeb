"""Hands one message to one service by Apprise; says nothing of it in any log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from services.settings import PLACEHOLDER

READ_SECONDS = 30.0  # Apprise's own 4 are short for a mail service, and a second try may be a second mail
LONGEST_SECONDS = 90.0  # longer than any one service's own limits together
#: They tell addresses of people and of channels, which hold secrets.
_TALKATIVE = ("apprise", "urllib3")


class Outcome(StrEnum):
    """What became of one try."""

    TAKEN = "taken"
    REFUSED = "refused"  #: not taken, as far as can be known; worth another try
    UNKNOWN = "unknown"  #: no answer for so long that it may have been taken
    UNUSABLE = "unusable"  #: no service of Apprise has such an address; no try will help
    UNREADABLE = "unreadable"  #: the mail service would read this recipient as somebody else


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is handed over."""

    recipient: str | None  #: an e-mail address; None where the address of the service says it all
    subject: str
    body: str


def hand_over(url: str, parcel: Parcel, *, longest_seconds: float = LONGEST_SECONDS) -> Outcome:
    """Give the parcel to the service with this Apprise URL, once, and wait for its answer."""
    import apprise  # 0.3 s with its plugins: only whoever sends pays

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asset = apprise.AppriseAsset(
        storage_mode=apprise.PersistentStoreMode.MEMORY, service_timeout=longest_seconds
    )
    asset.app_id = "Relink"
    to = parcel.recipient
    service = apprise.Apprise.instantiate(url if to is None else _addressed(url, to), asset=asset)
    if service is None:
        return Outcome.UNUSABLE
    if to is not None and not _reaches(service, to):
        return Outcome.UNREADABLE
    service.socket_read_timeout = max(service.socket_read_timeout, READ_SECONDS)
    result = apprise.Apprise(service, asset=asset).notify(
        parcel.body, title=parcel.subject, body_format=apprise.NotifyFormat.TEXT
    )
    if result.status is apprise.AppriseResultStatus.TIMEOUT:
        return Outcome.UNKNOWN
    return Outcome.TAKEN if result else Outcome.REFUSED


def _addressed(url: str, recipient: str) -> str:
    return url.replace(PLACEHOLDER, quote(recipient, safe=""))


def _reaches(service: object, recipient: str) -> bool:
    """Make sure that the service writes to this very address: Apprise reads o'brien@ as brien@."""
    from apprise.plugins.email import NotifyEmail
    from apprise.utils.parse import is_email

    if isinstance(service, NotifyEmail):
        service.targets = [(False, recipient)]
        return True
    read = is_email(recipient)  # type: ignore[no-untyped-call]
    return bool(read) and read["full_email"] == recipient
