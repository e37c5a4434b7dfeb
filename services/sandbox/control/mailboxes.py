"""Control of the mailboxes: what came, and emptying them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from services.sandbox import mail

router = APIRouter(tags=["mail"])


@router.get("/mail")
async def show_mails(request: Request, address: str | None = None) -> list[dict[str, Any]]:
    """List every mail and chat message, or those to one address, oldest first."""
    with request.app.state.sandbox.session() as session:
        return mail.mails(session, address)


@router.delete("/mail", status_code=204)
async def empty_mailboxes(request: Request) -> None:
    """Empty every mailbox."""
    with request.app.state.sandbox.session() as session:
        mail.clear_mails(session)
