"""States as badges: a colour, a shape and a word each, and for health also its age."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from markupsafe import Markup

from dashboard.parts import markup, words
from services import catalogue
from services.store.states import (
    NEEDS_PERSON,
    AttemptState,
    ExportState,
    Health,
    IncidentState,
    LinkState,
    RunState,
    Verdict,
)


class Tone(StrEnum):
    """What a colour means; the shape says the same to those who do not see it."""

    GOOD = "good"
    BUSY = "busy"
    WARNING = "warning"  #: look at it; nobody has to act yet
    BAD = "bad"  #: a person has to act
    OFF = "off"


GLYPHS = {Tone.GOOD: "●", Tone.BUSY: "◐", Tone.WARNING: "▲", Tone.BAD: "■", Tone.OFF: "○"}

#: The names of Streamlit's own colours, for labels.
COLOURS = {
    Tone.GOOD: "green",
    Tone.BUSY: "blue",
    Tone.WARNING: "orange",
    Tone.BAD: "red",
    Tone.OFF: "gray",
}

_TONES: dict[StrEnum, Tone] = {
    ExportState.DELIVERED: Tone.GOOD,
    ExportState.SENDING: Tone.BUSY,
    ExportState.FAILED: Tone.BAD,
    ExportState.IN_DOUBT: Tone.WARNING,
    ExportState.HELD: Tone.WARNING,
    AttemptState.SENT: Tone.BUSY,
    AttemptState.DELIVERED: Tone.GOOD,
    AttemptState.REFUSED: Tone.BAD,
    AttemptState.UNKNOWN: Tone.WARNING,
    IncidentState.OPEN: Tone.BAD,
    IncidentState.ADMIN_TOLD: Tone.WARNING,
    IncidentState.RECONNECTING: Tone.BUSY,
    IncidentState.RECONNECTED: Tone.BUSY,
    IncidentState.RELEASING: Tone.BUSY,
    IncidentState.CLOSED: Tone.GOOD,
    LinkState.SENT: Tone.WARNING,
    LinkState.OPENED: Tone.BUSY,
    LinkState.AUTHORISED: Tone.BUSY,
    LinkState.VERIFIED: Tone.GOOD,
    RunState.RUNNING: Tone.BUSY,
    RunState.PAUSED: Tone.WARNING,
    RunState.FINISHED: Tone.GOOD,
    Verdict.WILL_SEND: Tone.GOOD,
    Verdict.JUDGING: Tone.BUSY,
    Verdict.LOOK_UP: Tone.BUSY,
    Verdict.RECEIPTS: Tone.GOOD,
    Verdict.UNDER_WAY: Tone.BUSY,
    Verdict.LOCKED: Tone.BAD,
    Verdict.CHANGED: Tone.WARNING,
    Verdict.DISCONNECTED: Tone.BAD,
    Verdict.FIX_FIRST: Tone.BAD,
}


def health_tone(health: Health) -> Tone:
    """Return the tone of a health, from two questions: must a person act, and can exports run."""
    if health in NEEDS_PERSON:
        return Tone.BAD
    if health is Health.NOT_CONNECTED:
        return Tone.OFF
    if health is Health.SYNCING:
        return Tone.BUSY
    return Tone.GOOD if health is Health.HEALTHY else Tone.WARNING


#: Healths in the order in which they want attention.
WORST_FIRST = sorted(
    Health,
    key=lambda health: [Tone.BAD, Tone.WARNING, Tone.BUSY, Tone.OFF, Tone.GOOD].index(health_tone(health)),
)


def tone_of(state: StrEnum) -> Tone:
    """Return the tone of any state that is not a health."""
    return _TONES.get(state, Tone.OFF)


def badge(word: str, tone: Tone, *, code: str | None = None) -> Markup:
    """Return a badge with its shape; a code stands beside the word."""
    suffix = Markup(' <span class="rl-code">{}</span>').format(code) if code else markup.EMPTY
    return Markup('<span class="rl-badge rl-{}"><span aria-hidden="true">{}</span> {}{}</span>').format(
        tone, GLYPHS[tone], word, suffix
    )


def state_badge(state: StrEnum) -> Markup:
    """Return the badge of an export, incident, link, run or verdict."""
    return badge(str(state), tone_of(state))


def health_badge(health: Health, code: str | None = None) -> Markup:
    """Return the badge of a health. Show it only beside `verified`."""
    return badge(str(health), health_tone(health), code=code)


def verified(when: datetime | None) -> Markup:
    """Return the age of a health: when Xero last answered about it."""
    return markup.moment(when, prefix="verified", never="never verified")


def expires(health: Health, when: datetime | None, *, after: Markup = markup.EMPTY) -> Markup:
    """Return until when a connection at risk lasts, with what comes after; nothing for other healths."""
    if health is not Health.AT_RISK or when is None:
        return markup.EMPTY
    return (
        Markup('<time datetime="{}" title="{}">expires on {} unless it is used</time>').format(
            when.isoformat(), words.exact(when), words.day(when)
        )
        + after
    )


def stopped(*, before: Markup, paused: bool, leaving: bool) -> Markup:
    """Return what a person stopped at a workspace, in a word; nothing where all goes on by itself."""
    if not paused and not leaving:
        return markup.EMPTY
    return before + (badge("disconnecting", Tone.BUSY) if leaving else badge("paused", Tone.WARNING))


def who_acts(health: Health, code: str | None) -> str:
    """Say in a sentence who has to act."""
    if health in NEEDS_PERSON:
        return f"{words.capital(catalogue.get(code).actor)} has to act." if code else "A person has to act."
    return {
        Health.NOT_CONNECTED: "A workspace admin can connect it.",
        Health.AT_RISK: "Press Sync Now: that uses the login, and it lasts again.",
        Health.UNAVAILABLE: "Nobody has to act: Relink asks Xero again by itself.",
        Health.STALLED: "The sync takes longer than it should. Sync again if it does not move on.",
    }.get(health, "Nobody has to act.")
