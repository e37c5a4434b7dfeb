"""Reconnect links, the messages that carry them, and changes of a workspace's Xero admin."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.store.states import ChangeState, LinkState, MessageState
from services.store.tables.base import Base


class ReconnectLink(Base):
    """A way into one workspace's wizard for one e-mail address; its secrets are kept as hashes only."""

    __tablename__ = "reconnect_links"
    __table_args__ = (
        Index(None, "workspace_id", "sent_at"),
        Index(None, "state", "sent_at"),
        Index(None, "sent_at", "id"),
        Index(
            "uq_reconnect_links_one_live",
            "workspace_id",
            "email",
            unique=True,
            sqlite_where=text("state IN ('sent', 'opened', 'authorised')"),
            postgresql_where=text("state IN ('sent', 'opened', 'authorised')"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incidents.id"))
    email: Mapped[str]  #: lower case; the only address that may use it
    secret_hash: Mapped[str] = mapped_column(unique=True)
    chase_hash: Mapped[str | None] = mapped_column(unique=True)  #: of the secret that the reminder carries
    state: Mapped[LinkState]
    channel: Mapped[str]  #: how it was handed over: e-mail, chat or copied
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id"))  #: that carries it first
    sent_by: Mapped[str]
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    chased_at: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    authorised_at: Mapped[datetime | None]
    verified_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  #: expired or revoked
    ended_by: Mapped[str | None]  #: who took it back; Relink for what ended by itself
    ended_reason: Mapped[str | None]  #: in the words of who took it back, or one of `links.link.Ended`
    code_hash: Mapped[str | None]  #: of the code that confirms the address
    code_expires_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(default=0)  #: wrong ones, since the code was made
    wrong_codes: Mapped[int] = mapped_column(default=0)  #: wrong ones in all
    codes_sent: Mapped[int] = mapped_column(default=0)
    guest_hash: Mapped[str | None] = mapped_column(
        unique=True
    )  #: of the cookie of the one browser it is used in
    guest_since: Mapped[datetime | None]


class Message(Base):
    """One message to a person or a channel; its text is encrypted, and gone once it was sent."""

    __tablename__ = "messages"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "recipient", "queued_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  #: link, reminder or code
    channel: Mapped[str]  #: e-mail or chat
    recipient: Mapped[str | None]  #: an e-mail address, lower case; None for the chat channels
    subject: Mapped[str]
    body: Mapped[bytes | None]  #: encrypted
    state: Mapped[MessageState]
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime]  #: not before; later than now after a try that failed
    sent_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]  #: one sentence, without a secret


class AdminChange(Base):
    """A change of the Xero user behind a workspace's connection: asked for, approved, used once."""

    __tablename__ = "admin_changes"
    __table_args__ = (Index(None, "workspace_id", "asked_at"), Index(None, "state", "asked_at"))

    id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    state: Mapped[ChangeState]
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    why: Mapped[str]  #: in the words of who asked
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]  #: in the words of who decided
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]  #: the Xero user who was accepted, by name
