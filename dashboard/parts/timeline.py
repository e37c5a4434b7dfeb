"""The history of a workspace as a timeline."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from dashboard import navigation
from dashboard.parts import markup, words
from services.audit import Entry


def timeline(entries: Iterable[Entry], *, ways: bool = True) -> None:
    """Show who did what and when, in the order given; with `ways` to the exports that they are about."""
    items = markup.join(_item(entry, ways) for entry in entries)
    markup.show(Markup('<ol class="rl-timeline" aria-label="History">{}</ol>').format(items))


def _item(entry: Entry, ways: bool) -> Markup:
    reason = (
        Markup('<span class="rl-second">Reason: {}</span>').format(entry.reason)
        if entry.reason
        else markup.EMPTY
    )
    return Markup("<li><strong>{}</strong> {}{}{}</li>").format(
        words.capital(entry.action),
        markup.muted(Markup("{} · {}").format(entry.actor, markup.moment(entry.at))),
        markup.second(_summary(entry, ways)),
        reason,
    )


def _summary(entry: Entry, ways: bool) -> str | Markup:
    export = entry.data.get("export")
    if export is None or not ways:
        return entry.summary
    way = markup.link("Open the export", navigation.EXPORT.link(id=str(export)))
    return Markup("{} {}").format(entry.summary, way)
