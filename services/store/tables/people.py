"""Who may sign in, and which workspaces a workspace admin looks after."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import Role
from services.store.tables.base import Base


class Member(Base):
    """Somebody who signs in to Relink."""

    __tablename__ = "members"

    email: Mapped[str] = mapped_column(primary_key=True)  #: lower case
    name: Mapped[str]
    role: Mapped[Role]
    added_at: Mapped[datetime]


class WorkspaceAdmin(Base):
    """An admin of a workspace on the expense platform."""

    __tablename__ = "workspace_admins"
    __table_args__ = (Index(None, "email", "workspace_id"),)

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    email: Mapped[str] = mapped_column(primary_key=True)  #: lower case
