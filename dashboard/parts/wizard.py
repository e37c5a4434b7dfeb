"""What stands inside the reconnect wizard: its steps, the act of the current one, refusals and siblings."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup
from sqlalchemy.orm import Session

from dashboard import navigation, session
from dashboard.parts import badges, changes, markup, panels, releasing, runs, stepper, tables, words
from dashboard.parts.badges import Tone
from services import article, members, reconnects, syncs
from services import wizard as wizards
from services.members import Member, Permission
from services.needs import Need, NeedState
from services.refusals import Refusal
from services.siblings import Sibling
from services.steps import Step, StepState
from services.wizard import Act, WizardView

LOOK_SECONDS = 2.0
WEB, PHONE = "Web", "Phone"


def watch(member: Member, view: WizardView, shown: str) -> None:
    """Show the page anew as soon as somebody, or Xero, takes the repair a step further.

    `shown` is the stamp that was read before the page was drawn.
    """
    if view.act is Act.WAIT:
        return  # what runs is followed where it is shown
    workspace_id = view.workspace.id

    @st.fragment(run_every=LOOK_SECONDS)
    def looking() -> None:
        session.recheck(member)
        with session.reading() as store:
            now = wizards.stamp(store, member, workspace_id)
        if now != shown:
            st.rerun()

    looking()


def refusal(refused: Refusal) -> None:
    """Show why a return from Xero was not accepted, with both sides by name and the way out."""
    panels.panel(
        refused.title,
        refused.text,
        markup.facts([("Expected", refused.expected), ("Came back", refused.came)]),
        markup.strong("What to do: ") + Markup("{}").format(refused.way_out),
        tone=Tone.WARNING,
    )


def left_behind(view: WizardView) -> None:
    """Say that the last attempt ended by itself, and that nothing came of it."""
    attempt = view.attempt
    if attempt is None or not attempt.left_behind:
        return
    who = "You" if attempt.mine else attempt.by
    did, but = (
        ("went to Xero", " and did not come back within 15 minutes") if attempt.went else ("began it", "")
    )
    panels.panel(
        "The last attempt was not finished",
        Markup("{} {} {}{}, so it ended by itself. Nothing was changed: go on below.").format(
            who, did, markup.moment(attempt.at), but
        ),
        tone=Tone.OFF,
    )


def for_somebody_else(view: WizardView) -> None:
    """Say who can do this, to somebody who can only look."""
    admins = ", ".join(view.workspace.admins) or view.workspace.owner_email
    panels.panel(
        "Only an admin of this workspace can reconnect it",
        "It takes the Xero login, which nobody else should have. You follow the steps here, live.",
        f"Who can: {admins}. Anybody else gets in by a reconnect link.",
        tone=Tone.OFF,
    )


def wording() -> str:
    """Ask which of the platform's words the steps are to be in, and return it; it is kept in the address."""
    chosen = st.segmented_control(
        "Steps in the platform's words",
        [WEB, PHONE],
        default=WEB,
        key="on",
        bind="query-params",
        help="The platform has called its button Reconnect and Enter your credentials: both are the same.",
    )
    return chosen or WEB


def steps(member: Member, view: WizardView, some: Sequence[Step], *, label: str, on: str) -> None:
    """Show steps, with what is to be done under the current one."""
    items = [_item(step, on) for step in some]
    current = next((at for at, step in enumerate(some, 1) if step.state is StepState.CURRENT), len(some))
    stepper.steps(label, items[:current])
    if any(step.state is StepState.CURRENT for step in some):
        with st.container(key="rl-current-step"):
            _act(member, view)
    if items[current:]:
        stepper.steps(f"{label}, still to come", items[current:], first=current + 1)


def _item(step: Step, on: str) -> stepper.Item:
    text = step.text.mobile if on == PHONE else step.text.web
    if step.state is StepState.NOT_NEEDED:
        return stepper.Item(text, _STATES[step.state], str(step.state))
    both = step.text is article.RECONNECT_STEPS[4]
    note = f"the button may read “{article.BUTTON_LABELS[-1]}”" if both else step.note
    return stepper.Item(text, _STATES[step.state], note)


_STATES = {
    StepState.DONE: "done",
    StepState.CURRENT: "current",
    StepState.TODO: "todo",
    StepState.NOT_NEEDED: "skipped",
}


def _act(member: Member, view: WizardView) -> None:
    run = view.plan.run if view.plan else None
    if view.plan is not None and run is not None and run.live:
        runs.follow(member, view.plan)
    elif view.act is Act.WAIT:
        _follow_sync(member, view)
    elif view.act is Act.AT_XERO:
        _at_xero(view)
    elif not view.may_act:
        st.caption("Waiting for an admin of this workspace.")
    elif view.act in (Act.SYNC, Act.SYNC_AGAIN):
        # A reconnect that was accepted goes on: only the first sync begins one.
        sync = _begin if view.act is Act.SYNC else syncs.request
        st.button(
            str(view.act), type="primary", key="sync", on_click=session.act, args=(sync, view.workspace.id)
        )
    elif view.act is Act.RECONNECT:
        _ask_to_leave(member, view)
    elif view.act is Act.CHOOSE:
        _choose(view)
    elif view.act is Act.RETRY:
        releasing.retry(member, view)


def _begin(store: Session, member: Member, workspace_id: str) -> None:
    reconnects.start(store, member, workspace_id)
    syncs.request(store, member, workspace_id)


def _follow_sync(member: Member, view: WizardView) -> None:
    workspace_id = view.workspace.id

    @st.fragment(run_every=1.0)
    def moving() -> None:
        session.recheck(member)
        with session.reading() as store:
            members.require(store, member, Permission.FOLLOW, workspace_id)
            sync = syncs.latest(store, workspace_id)
        if sync is None or not sync.running:
            st.rerun()
        st.progress(stepper.progress_of(sync), text=stepper.doing(sync))
        stepper.stages(sync)

    moving()


def _ask_to_leave(member: Member, view: WizardView) -> None:
    st.write("Xero opens in this tab. You log in, choose the organisation, allow access, and come back here.")
    _needs(view.needs)
    with st.container(horizontal=True, vertical_alignment="center"):
        markup.show(markup.button_link("Reconnect", _way_to_xero(view)), width="content")
        if view.workspace.connection.login_name or view.workspace.connection.login_email:
            changes.ways_without_the_login()
    changes.way_chosen(member, view)


def _way_to_xero(view: WizardView) -> str:
    return f"/connect/xero?workspace={view.workspace.id}"


_MARKS = {
    NeedState.CHECKED: ("✓", "rl-good"),
    NeedState.ASK: ("→", "rl-busy"),
    NeedState.WARNING: ("■", "rl-bad"),
}


def _needs(needs: Sequence[Need]) -> None:
    markup.show(
        Markup('<ul class="rl-needs" aria-label="What you will need">{}</ul>').format(
            markup.join(_need(need) for need in needs)
        )
    )


def _need(need: Need) -> Markup:
    mark, tone = _MARKS[need.state]
    return Markup(
        '<li class="{}"><span class="rl-mark" aria-hidden="true">{}</span><strong>{}'
        '<span class="rl-unseen">, {}</span></strong> <span>{}</span></li>'
    ).format(tone, mark, need.title, need.state, need.text)


def _at_xero(view: WizardView) -> None:
    """Say who is at Xero; what happens there cannot be seen from here, so it is asked for."""
    attempt = view.attempt
    if attempt is None:
        return
    since = markup.moment(attempt.at)
    if not attempt.mine:
        markup.show(Markup("{} went to Xero {}. This page goes on by itself.").format(attempt.by, since))
        if view.may_act:
            address = f"{_way_to_xero(view)}&take_over=1"
            markup.show(markup.quiet_button_link("Take over and go to Xero yourself", address))
        return
    markup.show(
        Markup("You went to Xero {}. Allow access there and you come back here. Not there any more?").format(
            since
        )
    )
    markup.show(markup.button_link("Go to Xero again", _way_to_xero(view)))
    with st.expander("Something is in the way at Xero"):
        _in_the_way(view)


def _in_the_way(view: WizardView) -> None:
    organisation = view.workspace.connection.organisation_name or "The organisation"
    markup.show(
        markup.facts(
            [
                (
                    f"{organisation} is not in Xero's list",
                    "The login is not Standard or Adviser there. Use the login named above, or have an "
                    "Adviser change the role under Settings > Users.",
                ),
                (
                    "It is shown as already connected",
                    "That is right: go on, and allow access once more.",
                ),
                (
                    "Xero shows an error page and no way back",
                    "Xero refuses Relink's own app. Tell the people who run Relink what the page says.",
                ),
                (
                    "The login or its second factor does not work",
                    "Reset it at Xero with that person's e-mail address, or press Cancel there: back here "
                    "are the ways without it.",
                ),
            ]
        )
    )


def _choose(view: WizardView) -> None:
    names = view.choices
    if view.attempt is not None and not view.attempt.mine:
        st.write(f"{words.plain(view.attempt.by)} logged in to Xero and chooses the organisation.")
        markup.show(markup.quiet_button_link("Reconnect with your own login", _way_to_xero(view)))
        return
    st.write("The login connected several organisations. Which one are this workspace's reports to go to?")
    chosen = st.radio(
        "Organisation", list(names), format_func=lambda one: words.plain(names[one]), index=None, key="choice"
    )
    st.caption("It stays that one: exports and mappings will belong to it.")
    st.button(
        "Connect this organisation",
        type="primary",
        key="choose",
        disabled=chosen is None,
        on_click=session.act,
        args=(reconnects.choose, view.workspace.id, chosen),
    )


def siblings(member: Member, view: WizardView) -> None:
    """List the workspaces that stand on the same Xero login: one reconnect heals them all."""
    found = view.siblings
    if not found.seen and not found.unseen:
        return
    st.subheader("Other workspaces of this Xero login", anchor=False)
    st.write("One reconnect heals them all: each is checked by a full sync of its own.")
    if found.seen:
        tables.table(
            "Other workspaces of this Xero login",
            [tables.Column("Workspace"), tables.Column("Connection to Xero")],
            [_sibling(member, one) for one in found.seen],
        )
    if found.unseen:
        st.caption(f"And {words.plural(found.unseen, 'workspace')} that you do not look after.")


def _sibling(member: Member, sibling: Sibling) -> list[str | Markup]:
    remark = "syncing" if sibling.syncing else badges.verified(sibling.verified_at)
    if sibling.paused:
        remark = "paused by a person, so not checked by itself"
    return [
        navigation.workspace_link(member, sibling.workspace_id, sibling.name),
        badges.health_badge(sibling.health, sibling.code) + markup.second(remark),
    ]


def nothing_to_repair(member: Member, view: WizardView) -> None:
    """Say that there is no reason to be here."""
    panels.panel(
        "This connection works",
        "There is nothing to reconnect and no export waits.",
        navigation.workspace_link(member, view.workspace.id, "Back to the workspace"),
        tone=Tone.GOOD,
    )
