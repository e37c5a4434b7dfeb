"""Starts the sandbox: `python -m services.sandbox --port 8502 --world demo --limits real`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import uvicorn

from services.sandbox.app import create_app
from services.sandbox.limits import LimitsSetting
from services.sandbox.store import open_sandbox
from services.sandbox.world import World


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    options = _parser().parse_args(arguments)
    app = create_app(
        open_sandbox(options.data),
        world=World(options.world),
        limits=LimitsSetting(mode=options.limits),
        redirect_uris=options.redirect_uri,
    )
    # The access log would show codes, which travel in addresses.
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.sandbox", description="A stand-in Xero.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8502)
    parser.add_argument("--world", choices=list(World), default="demo", help="what it holds at first")
    parser.add_argument("--limits", choices=["real", "off"], default="real", help="rate limits")
    parser.add_argument("--data", metavar="FILE", help="keep everything in FILE; without it, in memory")
    parser.add_argument(
        "--redirect-uri",
        action="append",
        default=[],
        metavar="URI",
        help="a further redirect URI of the app Relink; may be repeated",
    )
    return parser


if __name__ == "__main__":
    main()
