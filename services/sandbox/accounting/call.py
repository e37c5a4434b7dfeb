"""One call to the Accounting API: what came in, and the envelope that goes out."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from services.sandbox.access import Access, authorise
from services.sandbox.accounting.wire import ms_date, render
from services.sandbox.idempotency import BadKey, answer_once
from services.sandbox.models import App, Organisation, new_id
from services.sandbox.store import Sandbox, now

#: The id of an element that was refused.
NO_ID = "00000000-0000-0000-0000-000000000000"

Item = dict[str, Any]


class BadRequest(Exception):
    """A call that is refused as a whole with Xero's 400; `number` and `kind` are Xero's own."""

    def __init__(self, message: str, *, number: int, kind: str) -> None:
        super().__init__(message)
        self.payload = {"ErrorNumber": number, "Type": kind, "Message": message}


def unreadable(message: str) -> BadRequest:
    """Return the refusal of a body that cannot be understood."""
    return BadRequest(message, number=17, kind="PostDataInvalidException")


class Invalid(Exception):
    """One element breaks rules; the others of its batch go on."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = list(messages)
        super().__init__("; ".join(self.messages))


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in, at a moment of the sandbox's clock."""

    session: Session
    access: Access
    request: Request
    body: bytes
    at: datetime

    @property
    def organisation(self) -> Organisation:
        return self.access.organisation

    def query(self, name: str) -> str:
        """Return a query parameter, whatever its case; empty where absent."""
        for key, value in self.request.query_params.items():
            if key.lower() == name.lower():
                return value
        return ""

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.query(name).lower()
        return default if value not in {"true", "false"} else value == "true"

    def listed(self, name: str) -> list[str]:
        """Return the parts of a comma-separated query parameter."""
        return [part.strip() for part in self.query(name).split(",") if part.strip()]

    def elements(self, name: str) -> list[Item]:
        """Read the posted elements: Xero takes `{"Invoices": [...]}`, a bare list, or one bare element."""
        try:
            posted = json.loads(self.body, parse_float=Decimal)
        except ValueError as error:
            raise unreadable("The request body could not be read as JSON") from error
        if isinstance(posted, dict):
            posted = posted.get(name, [posted])
        if not isinstance(posted, list) or not all(isinstance(item, dict) for item in posted):
            raise unreadable(f"{name} must be a list of objects")
        return posted

    def reply(self, payload: Item, status: int = 200) -> Response:
        return render(self.request, payload, status)

    def ok(self, name: str, items: list[Item], **extra: Any) -> Response:
        """Answer 200 in Xero's envelope."""
        app = self.session.get_one(App, self.access.client_id)
        head = {"Id": new_id(), "Status": "OK", "ProviderName": app.name, "DateTimeUTC": ms_date(self.at)}
        return self.reply({**head, **extra, name: items})


Work = Callable[[Call], Response]


def endpoint(work: Work, *scope: str) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a function of one call into a route's handler: access, idempotency, one transaction.

    The token needs any one of the scopes.
    """

    async def handle(request: Request) -> Response:
        body = await request.body()
        sandbox: Sandbox = request.app.state.sandbox
        with sandbox.session() as session:
            access = authorise(session, request, scope=scope)
            call = Call(session, access, request, body, now(session))
            try:
                return answer_once(
                    session,
                    request,
                    body,
                    client_id=access.client_id,
                    at=call.at,
                    work=lambda: _answer(call, work),
                )
            except BadKey as error:
                refusal = BadRequest(str(error), number=10, kind="ValidationException")
                return call.reply(refusal.payload, 400)

    return handle


def _answer(call: Call, work: Work) -> Response:
    try:
        return work(call)
    except BadRequest as refusal:
        return call.reply(refusal.payload, 400)


def save_each(
    call: Call, name: str, id_field: str, elements: list[Item], save: Callable[[Item], Item]
) -> Response:
    """Save every element that is valid and answer for each.

    With `summarizeErrors=false` the answer is 200 with every element in order. Otherwise one bad element
    makes it a 400 that lists only the bad ones, although the good ones were saved.
    """
    if not elements:
        raise unreadable(f"No {name} were found in the request body")
    answers = [_try(element, id_field, save) for element in elements]
    failed = [answer for answer in answers if answer["HasErrors"]]
    if failed and call.flag("summarizeErrors", default=True):
        refusal = BadRequest("A validation exception occurred", number=10, kind="ValidationException")
        return call.reply({**refusal.payload, "Elements": failed}, 400)
    return call.ok(name, answers)


def _try(element: Item, id_field: str, save: Callable[[Item], Item]) -> Item:
    try:
        return {**save(element), "HasErrors": False, "StatusAttributeString": "OK"}
    except Invalid as invalid:
        return {
            **element,
            id_field: element.get(id_field) or NO_ID,
            "HasErrors": True,
            "StatusAttributeString": "ERROR",
            "ValidationErrors": [{"Message": message} for message in invalid.messages],
        }
