"""The proof of an incident: what it held up, what became of it, and that nothing is left over."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from markupsafe import Markup

from dashboard import navigation, session
from dashboard.parts import markup, panels, words
from services import completeness
from services.completeness import Proof
from services.desk import open_desk
from services.incidents import IncidentView
from services.members import Member, Permission


def section(member: Member, incident: IncidentView) -> None:
    """Show what became of everything that an incident held up; nothing where it held up nothing."""
    with session.reading() as store:
        proof = completeness.proof(store, member, incident.id)
    if not proof.total and not proof.uncounted:
        return
    st.header("What the incident held up", anchor=False)
    markup.show(_verdict(proof, closed=incident.closed_at is not None))
    panels.figures(
        ("Failed or held", f"{proof.total:,}", "because the connection was broken"),
        ("Tried again", f"{proof.retried:,}", "at least once since"),
        ("In Xero", f"{proof.delivered:,}", "sent, or found there"),
        ("Set aside", f"{proof.set_aside:,}", "by a person, with a reason"),
        ("Still owed", f"{proof.left:,}", words.money(proof.left_amount, incident.currency)),
    )
    _ways_on(member, incident, proof)


def _verdict(proof: Proof, *, closed: bool) -> Markup:
    if proof.left:
        main = (
            f"{proof.left:,} of {words.plural(proof.total, 'export')} still owed to Xero. "
            "The incident closes when each of them is in Xero or set aside."
        )
    else:
        so = ", so it closed." if closed else "."
        main = f"All {proof.total:,} accounted for: nothing is left over{so}"
    return markup.paragraph(" ".join([main, *_doubts(proof)]))


def _doubts(proof: Proof) -> list[str]:
    doubts = []
    if proof.untraced:
        doubts.append(
            f"For {proof.untraced:,} in Xero no try is recorded here: they came there in another way."
        )
    if proof.uncounted:
        doubts.append(f"{words.plural(proof.uncounted, 'export')} more failed in the same way since.")
    return doubts


def _ways_on(member: Member, incident: IncidentView, proof: Proof) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Download the proof (CSV)",
            _file(incident.id),  # made when pressed, not on every run
            f"incident-{incident.id[:8]}.csv",
            "text/csv",
        )
        if proof.left and member.may(Permission.RETRY):
            markup.show(
                markup.link("Show what is owed", navigation.FAILED_EXPORTS.link(incident=incident.id)),
                width="content",
            )


def _file(incident_id: str) -> Callable[[], str]:
    who = session.visitor()  # the file is made outside of the page, where nobody is signed in

    def csv() -> str:
        with open_desk().store.read() as store:
            return completeness.file(store, session.member_now(store, who), incident_id)

    return csv
