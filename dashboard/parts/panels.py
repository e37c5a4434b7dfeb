"""Panels: banners, empty states, and calm boxes that say what happened and what to do."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import session
from dashboard.parts import markup, words
from dashboard.parts.badges import GLYPHS, Tone
from services import notices


def banners() -> None:
    """Show the troubles that belong to no workspace, above every page."""
    with session.reading() as store:
        current = notices.current(store)
    for notice in current:
        panel(notice.text, markup.moment(notice.since, prefix="Since"), tone=Tone.BAD)


def panel(title: str, *lines: str | Markup, tone: Tone) -> None:
    """Show a box with a heading and a line a paragraph."""
    body = markup.join(Markup("<div>{}</div>").format(line) for line in lines if line)
    markup.show(
        Markup(
            '<section class="rl-panel rl-{}"><h3><span aria-hidden="true">{}</span> {}</h3>{}</section>'
        ).format(tone, GLYPHS[tone], title, body)
    )


def empty(title: str, way_on: str | Markup) -> None:
    """Show that there is nothing to show, and what to do about it."""
    markup.show(Markup('<section class="rl-empty"><h3>{}</h3><p>{}</p></section>').format(title, way_on))


def figures(*pairs: tuple[str, str, str]) -> None:
    """Show a few figures side by side: a name, the figure, and a quieter remark each."""
    cards = markup.join(
        Markup('<div><dt>{}</dt><dd>{}</dd><dd class="rl-muted">{}</dd></div>').format(name, figure, remark)
        for name, figure, remark in pairs
    )
    markup.show(Markup('<dl class="rl-figures-row">{}</dl>').format(cards))


def shown_of(number: int, total: int, noun: str) -> None:
    """Say how much of a list is on this page."""
    st.caption(f"{number:,} of {words.plural(total, noun)}")
