"""`/connections`: what a user's token can reach, and how one connection is ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.sandbox import problems
from services.sandbox.access import authenticate, visible_connections
from services.sandbox.models import Connection, Organisation
from services.sandbox.store import now


async def list_connections(request: Request) -> Response:
    """`GET /connections[?authEventId=]`: every working connection of the token's user, oldest first."""
    with request.app.state.sandbox.session() as session:
        token = authenticate(session, request)
        listed = describe_connections(session, token.client_id, token.user_id)
    event_id = request.query_params.get("authEventId")
    return JSONResponse([entry for entry in listed if event_id in (None, entry["authEventId"])])


async def delete_connection(request: Request) -> Response:
    """`DELETE /connections/{id}`: end one connection; 403 for a tenant's id, 404 for any other."""
    wanted = request.path_params["connection_id"].lower()
    with request.app.state.sandbox.session() as session:
        token = authenticate(session, request)
        connection = session.get(Connection, wanted)
        owner = (token.client_id, token.user_id)
        if connection is None or (connection.client_id, connection.user_id) != owner:
            raise (
                problems.not_found()
                if session.get(Organisation, wanted) is None
                else problems.not_connected()
            )
        if connection.disconnected_at is not None:
            raise problems.not_found()
        connection.disconnected_at = now(session)
    return Response(status_code=204)


def describe_connections(session: Session, client_id: str, user_id: str) -> list[dict[str, Any]]:
    """Return what `GET /connections` answers for this user and app."""
    found = session.execute(visible_connections(client_id, user_id))
    return [_describe(connection, organisation) for connection, organisation in found]


def _describe(connection: Connection, organisation: Organisation) -> dict[str, Any]:
    return {
        "id": connection.id,
        "authEventId": connection.auth_event_id,
        "tenantId": organisation.id,
        "tenantType": "ORGANISATION",
        "tenantName": organisation.name,
        "createdDateUtc": _seven_digits(connection.created_at),
        "updatedDateUtc": _seven_digits(connection.updated_at),
    }


def _seven_digits(moment: datetime) -> str:
    """Write a time as .NET does: seven digits of the second and no zone."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}0"


routes = [
    Route("/connections", list_connections),
    Route("/connections/{connection_id}", delete_connection, methods=["DELETE"]),
]
