"""What a letter says about one link: the workspace, what is wrong, its organisation, the Xero login."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.desk import Desk
from services.letters import Invitation
from services.members import mask
from services.store import tables


def address(desk: Desk, secret: str) -> str:
    """Return the address that a link's holder opens."""
    return f"{desk.settings.public_url}/link/{secret}"


def invitation(session: Session, desk: Desk, link: tables.ReconnectLink, secret: str) -> Invitation:
    """Return what a letter says about a link; somebody else's Xero login is masked in it."""
    workspace, code, organisation, name, email = session.execute(
        select(
            tables.Workspace.name,
            tables.Connection.code,
            tables.Organisation.name,
            tables.Grant.full_name,
            tables.Grant.email,
        )
        .join(tables.Connection, tables.Connection.workspace_id == tables.Workspace.id)
        .outerjoin(tables.Organisation, tables.Organisation.id == tables.Connection.organisation_id)
        .outerjoin(tables.Grant, tables.Grant.id == tables.Connection.grant_id)
        .where(tables.Workspace.id == link.workspace_id)
    ).one()
    seen = email if email is None or email.lower() == link.email else mask(email)
    return Invitation(
        workspace=workspace,
        organisation=organisation,
        login=f"{name} ({seen})" if name and seen else name or seen,
        url=address(desk, secret),
        expires_at=link.expires_at,
        code=code,
    )
