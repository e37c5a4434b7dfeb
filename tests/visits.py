"""Visits to pages over Streamlit's own protocol: what a browser does, without a browser."""

from __future__ import annotations

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from dashboard.edge import USER_COOKIE

ANSWER_SECONDS = 30.0


def visit(origin: str, path: str, query: str = "", *, user_cookie: str = "") -> bytes:
    """Run the page at an address as a browser does, and return everything that the server sent."""
    address = origin.replace("http", "ws", 1) + "/_stcore/stream"
    token = httpx.get(f"{origin}/_stcore/health").cookies["_streamlit_xsrf"]
    ask = BackMsg()
    ask.rerun_script.page_name = path
    ask.rerun_script.query_string = query
    received = b""
    cookies = f"_streamlit_xsrf={token}; {USER_COOKIE}={user_cookie}"
    with connect(
        address,
        origin=Origin(origin),
        subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
        additional_headers={"Cookie": cookies},
        max_size=None,
    ) as server:
        server.send(ask.SerializeToString())
        while True:
            data = server.recv(timeout=ANSWER_SECONDS, decode=False)
            received += data
            if ForwardMsg.FromString(data).WhichOneof("type") == "script_finished":
                return received
