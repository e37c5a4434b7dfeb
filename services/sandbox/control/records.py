"""What the sandbox has seen: documents, and calls."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from services.sandbox import calls, ledger
from services.sandbox.control.lookup import find
from services.sandbox.models import Organisation

router = APIRouter(tags=["records"])


class DocumentChange(BaseModel):
    """A status set in Xero itself."""

    status: Literal["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"]


@router.get("/ledger")
async def show_ledger(request: Request, organisation: str | None = None) -> dict[str, Any]:
    """List every document, oldest first, and the numbers that occur more than once."""
    with request.app.state.sandbox.session() as session:
        return ledger.ledger(session, organisation)


@router.post("/documents", status_code=201)
async def load_documents(request: Request, body: list[ledger.HistoricalDocument]) -> list[dict[str, str]]:
    """Load documents of the past; answers number and id of each, in the order given."""
    with request.app.state.sandbox.session() as session:
        for organisation_id in {document.organisation for document in body}:
            find(session, Organisation, organisation_id)
        return ledger.load_documents(session, body)


@router.patch("/documents/{document_id}", status_code=204)
async def change_document(request: Request, document_id: str, body: DocumentChange) -> None:
    """Pay, void or delete a document as if done in Xero itself."""
    with request.app.state.sandbox.session() as session:
        if not ledger.set_document_status(session, document_id, body.status):
            raise HTTPException(404, f"There is no document with the id {document_id}")


@router.get("/calls")
async def show_calls(request: Request, organisation: str | None = None) -> dict[str, Any]:
    """Count the calls seen since the last clearing, by status and path, and the token refreshes."""
    with request.app.state.sandbox.session() as session:
        return calls.calls(session, organisation)


@router.get("/calls/keys")
async def show_keys(request: Request, path: str) -> dict[str, int]:
    """Count the calls with this path, as `/calls` writes it, by their `Idempotency-Key`."""
    with request.app.state.sandbox.session() as session:
        return calls.keys(session, path)


@router.delete("/calls", status_code=204)
async def clear_calls(request: Request) -> None:
    """Start counting calls anew."""
    with request.app.state.sandbox.session() as session:
        calls.clear_calls(session)
