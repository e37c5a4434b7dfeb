"""What Xero would refuse about a document, known from what was imported, before a call is spent.

Each check stands for one refusal of Xero's, and gives the code that Xero's own words for it are
recognised as (`catalogue.from_validation`); a refusal that no code fits has the code `UNNAMED` here as
there. Of several the one wins that wins in Xero's answer.
"""

from __future__ import annotations

from services import catalogue
from services.documents import Draft
from services.objections.document import of_document, of_receipts
from services.objections.wording import Objection
from services.reference import Imported

__all__ = ["Objection", "objection"]


def objection(draft: Draft, known: Imported) -> Objection | None:
    """Return why Xero would refuse the document or a receipt of it, or None where nothing is seen.

    Only what was imported is looked at: no call is spent. A document without an objection may
    still be refused by Xero.
    """
    found = min(of_document(draft, known), key=lambda each: catalogue.rank(each.code), default=None)
    return found or next(of_receipts(draft), None)  # a document that is refused gets no receipts
