"""Small pieces of HTML; whatever is put into a piece is escaped by markupsafe."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import streamlit as st
from markupsafe import Markup

from dashboard.parts import words

EMPTY = Markup("")


def show(piece: Markup, *, width: Literal["stretch", "content"] = "stretch") -> None:
    """Put a piece on the page; only `Markup` may, so that no text comes in unescaped."""
    st.html(str(piece), width=width)


def join(pieces: Iterable[Markup], between: Markup = EMPTY) -> Markup:
    """Return pieces one after the other."""
    return between.join(pieces)


def moment(when: datetime | None, *, never: str = "never", prefix: str = "") -> Markup:
    """Return a relative time with the exact one on hover; `never` where there is none."""
    if when is None:
        return muted(never)
    return Markup('<time datetime="{}" title="{}">{}{}</time>').format(
        when.isoformat(), words.exact(when), f"{prefix} " if prefix else "", words.ago(when)
    )


def age(since: datetime) -> Markup:
    """Return how long something has lasted, with its exact beginning on hover."""
    lasted = words.span((words.now() - since).total_seconds())
    return Markup('<time datetime="{}" title="since {}">{}</time>').format(
        since.isoformat(), words.exact(since), lasted
    )


def muted(text: str | Markup) -> Markup:
    """Return secondary text."""
    return Markup('<span class="rl-muted">{}</span>').format(text)


def strong(text: str | Markup) -> Markup:
    """Return text that matters."""
    return Markup("<strong>{}</strong>").format(text)


def link(text: str | Markup, address: str, *, kind: str = "rl-link") -> Markup:
    """Return a link that opens in this tab."""
    return Markup('<a class="{}" href="{}">{}</a>').format(kind, address, text)


def in_xero(address: str | None) -> Markup:
    """Return a link to a document in Xero, to stand beside its number; nothing where there is none."""
    return muted(" · ") + link("in Xero", address, kind="rl-link rl-over") if address else EMPTY


def button_link(text: str, address: str) -> Markup:
    """Return a link that looks like the primary button and leaves in this tab.

    Streamlit's own link button opens a new tab, which would part the way to Xero from the way back.
    """
    return Markup('<a class="rl-button" href="{}">{}</a>').format(address, text)


def quiet_button_link(text: str, address: str) -> Markup:
    """Return a link that looks like a secondary button and leaves in this tab."""
    return link(text, address, kind="rl-button rl-quiet")


def post_button(text: str, address: str, *, kind: str) -> Markup:
    """Return a button that leaves this page by a POST: for what a link must not do by being looked at."""
    return Markup(
        '<form method="post" action="{}"><button class="{}" type="submit">{}</button></form>'
    ).format(address, kind, text)


def paragraph(text: str | Markup) -> Markup:
    """Return a paragraph."""
    return Markup("<p>{}</p>").format(text)


def copyable(text: str | None, *, never: str = "none") -> Markup:
    """Return an identifier shown shortened: whole on hover, and selected as a whole by a click."""
    if text is None:
        return muted(never)
    return Markup('<span class="rl-copy" title="{}">{}</span>').format(text, text)


def two_lines(first: str | Markup, second: str | Markup) -> Markup:
    """Return a main line with a quieter one under it."""
    return Markup('<span class="rl-first">{}</span><span class="rl-second">{}</span>').format(first, second)


def facts(pairs: Iterable[tuple[str, str | Markup]]) -> Markup:
    """Return a list of names and values."""
    rows = join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(name, value) for name, value in pairs)
    return Markup('<dl class="rl-facts">{}</dl>').format(rows)


def second(text: str | Markup) -> Markup:
    """Return a quieter line."""
    return Markup('<span class="rl-second">{}</span>').format(text)


def dot() -> Markup:
    """Return what stands between two short remarks in a line."""
    return Markup('<span class="rl-muted" aria-hidden="true"> · </span>')


def details(title: str, body: Markup) -> Markup:
    """Return something that is opened only by those who ask for it."""
    return Markup("<details><summary>{}</summary>{}</details>").format(title, body)
