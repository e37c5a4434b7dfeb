"""Messages for tests: queued, looked at, and sent with other settings."""

from __future__ import annotations

from dataclasses import replace

from pydantic import SecretStr

from services import messages
from services.desk import Desk
from services.messages import Channel, Kind, MessageView
from services.store import tables
from tests.integration.office import Office

ANNA, BEN = "anna@shop.example", "ben@shop.example"
SECRET = "https://relink.example/r/a-secret-that-only-anna-may-see"
BODY = f"Hello Anna,\n\nopen this link:\n    {SECRET}\n\nIt says *so* <here> & {{{{there}}}} \\n.\n\nRelink"
SUBJECT = "Reconnect Xero for Brightside"


def queue(
    office: Office,
    recipient: str | None = ANNA,
    *,
    kind: Kind = Kind.LINK,
    channel: Channel = Channel.EMAIL,
    body: str = BODY,
) -> str:
    with office.desk.store.begin() as session:
        return messages.queue(
            session,
            office.desk.vault,
            kind=kind,
            channel=channel,
            recipient=recipient,
            subject=SUBJECT,
            body=body,
        )


def seen(office: Office, message_id: str) -> MessageView:
    with office.desk.store.read() as session:
        found = messages.view(session, message_id)
    assert found is not None
    return found


def stored(office: Office, message_id: str) -> tables.Message:
    with office.desk.store.read() as session:
        return session.get_one(tables.Message, message_id)


def configured(office: Office, **settings: object) -> Desk:
    """Return the office's desk with other settings."""
    return replace(office.desk, settings=office.desk.settings.model_copy(update=settings))


def channel_url(office: Office, name: str) -> SecretStr:
    return SecretStr(f"{office.xero.base_url.replace('http', 'json', 1)}/mail/{name}")
