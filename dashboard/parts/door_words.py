"""What a reconnect link says once it leads nowhere: at its door, and in a page that was open."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from dashboard.parts import markup
from services.links.door import Answer, Door

ASK_AGAIN = "Ask whoever sent it for a new one."


@dataclass(frozen=True, slots=True)
class Words:
    """What happened, since when and why, and what to do."""

    title: str
    text: str | Markup
    way_on: str


def ended(door: Door) -> Words:
    """Return the words for a link that has ended, or that never was one."""
    since = markup.moment(door.since)
    if door.answer is Answer.EXPIRED:
        text = Markup("It was good for seven days, and expired {}.").format(since)
        return Words("This link has expired", text, ASK_AGAIN)
    if door.answer is Answer.REPLACED:
        text = Markup("A newer one was sent to the same address {}; this one ended with that.").format(since)
        return Words("There is a newer link", text, "Open the newest message from Relink.")
    if door.answer is Answer.REPAIRED:
        text = Markup("This connection works again: it was repaired {}.").format(since)
        return Words("There is nothing to do", text, "You can close this page.")
    if door.answer is Answer.REVOKED:
        text = Markup("It was taken back {}. Reason: {}").format(since, door.reason)
        return Words("This link was revoked", text, ASK_AGAIN)
    return Words(
        "This link leads nowhere",
        "It is not complete, or it is none of ours.",
        f"Copy the whole link from the message. If it stays like this: {ASK_AGAIN[0].lower()}{ASK_AGAIN[1:]}",
    )


def outside(door: Door) -> Words:
    """Return the words for a browser whose guest is out."""
    if door.answer is Answer.UNKNOWN:
        return Words(
            "Your link is not in use here any more",
            "It was opened in another browser, which ended it here.",
            "Open the link in your message again to go on here.",
        )
    return ended(door)
