"""An incident in words: since when, why, what it holds up, and the one next step."""

from __future__ import annotations

from markupsafe import Markup

from dashboard.parts import badges, markup, panels, words
from dashboard.parts.badges import Tone
from services import catalogue
from services.incidents import IncidentView
from services.store.states import IncidentState

_REPAIRED = (IncidentState.RECONNECTED, IncidentState.RELEASING)  # what waits is all that is left of it


def panel(incident: IncidentView) -> None:
    """Show an open incident."""
    code = catalogue.get(incident.code)
    waiting = (
        f"{words.plural(incident.stuck_count, 'export')} worth "
        f"{words.money(incident.stuck_amount, incident.currency)}"
        if incident.stuck_count
        else "Nothing yet"
    )
    repaired = incident.state in _REPAIRED
    particulars = markup.facts(
        [
            ("Since", markup.moment(incident.opened_at)),
            ("Waiting for Xero", markup.strong(waiting)),
            ("State", badges.state_badge(incident.state)),
        ]
    )
    panels.panel(
        f"{incident.code}: {code.title}",
        "Xero answers again." if repaired else code.meaning,
        particulars,
        markup.strong("Next: ") + Markup("{}").format(_what_is_left(incident) if repaired else code.fix),
        markup.details("What Xero answered", _answer(incident)),
        tone=Tone.BAD if badges.tone_of(incident.state) is Tone.BAD else Tone.WARNING,
    )


def _what_is_left(incident: IncidentView) -> str:
    if incident.stuck_count:
        return "Retry the exports that wait, or set them aside; the incident closes with the last of them."
    return "There is nothing to do: the incident closes by itself when the retry under way ends."


def _answer(incident: IncidentView) -> Markup:
    pairs: list[tuple[str, str | Markup]] = [("Answer", incident.detail), ("Cause", incident.cause)]
    if incident.correlation_id:
        pairs.append(("Xero correlation id", incident.correlation_id))
    return markup.facts(pairs)
