"""What stands inside the reconnect wizard: its steps, the act of the current one, refusals and the end."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup
from sqlalchemy.orm import Session

from dashboard import navigation, session
from dashboard.parts import exports, markup, panels, plans, stepper, words
from dashboard.parts.badges import Tone
from services import members, reconnects, retries, syncs
from services import wizard as wizards
from services.members import Member, Permission
from services.refusals import Refusal
from services.wizard import Act, Step, StepState, WizardView

REASON = "Reconnected Xero"


def refusal(refused: Refusal) -> None:
    """Show why a return from Xero was not accepted, with both sides by name and the way out."""
    panels.panel(
        refused.title,
        refused.text,
        markup.strong("What to do: ") + Markup("{}").format(refused.way_out),
        tone=Tone.WARNING,
    )


def for_somebody_else(view: WizardView) -> None:
    """Say who can do this, to somebody who can only look."""
    admins = ", ".join(view.workspace.admins) or view.workspace.owner_email
    panels.panel(
        "Only an admin of this workspace can reconnect it",
        "It takes the Xero login, which nobody else should have. You can follow the steps here.",
        f"Send the address of this page to {admins}.",
        tone=Tone.OFF,
    )


def steps(member: Member, view: WizardView, some: Sequence[Step], *, label: str) -> None:
    """Show steps, with what is to be done under the current one."""
    current = next((at for at, step in enumerate(some, 1) if step.state is StepState.CURRENT), len(some))
    stepper.steps(label, [_item(step) for step in some[:current]])
    if any(step.state is StepState.CURRENT for step in some):
        with st.container(key="rl-current-step"):
            _act(member, view)
    if some[current:]:
        stepper.steps(f"{label}, still to come", [_item(step) for step in some[current:]], first=current + 1)


def _item(step: Step) -> stepper.Item:
    return stepper.Item(step.text, _STATES[step.state], step.note)


_STATES = {StepState.DONE: "done", StepState.CURRENT: "current", StepState.TODO: "todo"}


def _act(member: Member, view: WizardView) -> None:
    run = view.plan.run if view.plan else None
    if view.plan is not None and run is not None and run.live:
        plans.follow(member, view.plan)
    elif view.act is Act.WAIT:
        _follow_sync(member, view)
    elif not view.may_act:
        st.caption("Waiting for an admin of this workspace.")
    elif view.act in (Act.SYNC, Act.SYNC_AGAIN):
        st.button(
            str(view.act), type="primary", key="sync", on_click=session.act, args=(_sync, view.workspace.id)
        )
    elif view.act is Act.RECONNECT:
        _ask_to_leave(view)
    elif view.act is Act.RETRY:
        _retry(member, view)


def _ask_to_leave(view: WizardView) -> None:
    organisation = view.workspace.connection.organisation_name
    st.write("Xero opens in this tab. You log in, choose the organisation, and come back here.")
    if organisation:
        st.write(f"Choose **{words.plain(organisation)}** on Xero's page: only that one is accepted.")
    markup.show(markup.button_link("Reconnect", f"/connect/xero?workspace={view.workspace.id}"))


def _sync(store: Session, member: Member, workspace_id: str) -> None:
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
        st.progress(stepper.progress_of(sync), text="Syncing" if sync.stages else "Waiting for a worker")
        stepper.stages(sync)

    moving()


def _retry(member: Member, view: WizardView) -> None:
    if view.plan is None and view.reconnect_id is not None and member.may(Permission.RETRY):
        # Nothing is sent by planning, so it needs no press: what failed is there to be looked at.
        session.act(_plan_once, view.workspace.id)
        with session.reading() as store:
            view = wizards.wizard(store, member, view.workspace.id)
    plan = view.plan
    if plan is None:
        _offer_plan(view, "Show what failed")
    elif plan.run is None:
        plans.verdicts(plan)
        st.write(plans.effort(plan))
        st.button(
            f"Retry {words.plural(plan.goes, 'export')}",
            type="primary",
            key="retry",
            disabled=not plan.goes,
            on_click=session.act,
            args=(retries.start, plan.id, REASON),
        )
        with st.expander(f"The {words.plural(plan.total, 'export')} one by one"):
            plans.items(member, plan)
    else:
        plans.progress(plan.run)
        done(view)
        _offer_plan(view, "Plan what is left again")


def _plan_once(store: Session, member: Member, workspace_id: str) -> None:
    # Looked at again in the transaction that plans: another window may have planned meanwhile.
    if wizards.wizard(store, member, workspace_id).plan is None:
        wizards.retry_plan(store, member, workspace_id)


def _offer_plan(view: WizardView, label: str) -> None:
    st.button(label, type="primary", key="plan", on_click=_plan, args=(view,))


def _plan(view: WizardView) -> None:
    plan_id = session.act(wizards.retry_plan, view.workspace.id)
    if view.reconnect_id is None:
        # Healed without the wizard, e.g. by a sibling's reconnect: nothing here keeps the plan.
        exports.remember_plan(plan_id)


def nothing_to_repair(view: WizardView) -> None:
    """Say that there is no reason to be here."""
    panels.panel(
        "This connection works",
        "There is nothing to reconnect and no export waits.",
        markup.link("Back to the workspace", navigation.WORKSPACE.link(id=view.workspace.id)),
        tone=Tone.GOOD,
    )


def done(view: WizardView) -> None:
    """Show what was achieved, and what is left with where to go for it."""
    links = [markup.link("Back to the workspace", navigation.WORKSPACE.link(id=view.workspace.id))]
    if view.plan is not None:
        links.append(markup.link("See every result", navigation.RETRY.link(plan=view.plan.id)))
    if view.left:
        links.append(
            markup.link("Exports that are left", navigation.FAILED_EXPORTS.link(workspace=view.workspace.id))
        )
    left = f"{words.plural(view.left, 'export')} still to fix; each says what to do." if view.left else ""
    panels.panel(
        "Xero is connected again",
        f"{words.plural(view.delivered, 'export')} arrived in Xero.",
        left,
        markup.join(links, markup.dot()),
        tone=Tone.WARNING if view.left else Tone.GOOD,
    )
