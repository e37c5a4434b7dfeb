"""What a reconnect needs, said and as far as possible checked before anybody leaves for Xero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

from services import notices
from services.admin_changes import ChangeView
from services.store.states import ChangeState
from services.workspaces import WorkspaceView


class NeedState(StrEnum):
    """How far Relink can answer for a need."""

    CHECKED = "checked"
    ASK = "yours to see to"  #: only the person who goes can know
    WARNING = "in the way"


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a reconnect needs."""

    title: str
    text: str
    state: NeedState


def needs(session: Session, workspace: WorkspaceView, change: ChangeView | None) -> tuple[Need, ...]:
    """Return what whoever goes to Xero for this workspace will need, in the order of the way there."""
    organisation = workspace.connection.organisation_name
    return (
        _app(session),
        _organisation(organisation),
        _login(workspace, change),
        Need(
            "Role in Xero",
            f"Standard or Adviser in {organisation or 'the organisation'}. With less, Xero leaves it out of "
            "its list.",
            NeedState.ASK,
        ),
        Need("Second factor", "Xero asks for the login's two-factor code. Have it at hand.", NeedState.ASK),
        Need(
            "Pop-ups",
            "None is needed: Xero opens in this tab. On the platform itself Xero opens in a new tab, which a "
            "pop-up blocker may stop.",
            NeedState.CHECKED,
        ),
    )


def _app(session: Session) -> Need:
    refused = [notice for notice in notices.current(session) if notice.key == notices.APP_MISCONFIGURED]
    if refused:
        return Need(
            "Relink's Xero app",
            "Xero refuses it at the moment, so no login can reconnect. Whoever runs Relink has to mend that "
            "first.",
            NeedState.WARNING,
        )
    return Need("Relink's Xero app", "Xero accepts it, as far as it last said.", NeedState.CHECKED)


def _organisation(name: str | None) -> Need:
    if name is None:
        return Need(
            "Organisation",
            "This workspace has none yet. Choose the one that its reports are to go to: it stays that one.",
            NeedState.ASK,
        )
    return Need(
        "Organisation", f"Choose {name} on Xero's page. Only that one is accepted.", NeedState.CHECKED
    )


def _login(workspace: WorkspaceView, change: ChangeView | None) -> Need:
    known = _login_name(workspace)
    if change is not None and change.state is ChangeState.APPROVED:
        text = f"Any Xero login of the organisation is accepted once, as {change.decided_by} approved."
        return Need("Xero login", text, NeedState.CHECKED)
    if known is None:
        return Need("Xero login", "Any login of the organisation: none was used before.", NeedState.ASK)
    return Need("Xero login", f"{known}. Only the login that was used before is accepted.", NeedState.ASK)


def _login_name(workspace: WorkspaceView) -> str | None:
    name, email = workspace.connection.login_name, workspace.connection.login_email
    return f"{name} ({email})" if name and email else name or email
