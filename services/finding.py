"""What a search looks in, and how it looks."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.store import tables


def like(text: str) -> str:
    """Return a LIKE pattern for text anywhere, with what a person typed taken literally (escape `/`)."""
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return f"%{escaped}%"


def name_organisation(session: Session, workspace_id: str, organisation_name: str) -> None:
    """Let the workspace be found by its organisation's present name."""
    workspace = session.get_one(tables.Workspace, workspace_id)
    workspace.search_text = search_text(
        workspace_id=workspace.id,
        name=workspace.name,
        owner_email=workspace.owner_email,
        organisation_name=organisation_name,
    )


def search_text(*, workspace_id: str, name: str, owner_email: str, organisation_name: str | None) -> str:
    """Return what the search looks in, lower case."""
    return " ".join([name, workspace_id, owner_email, organisation_name or ""]).lower()
