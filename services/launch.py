"""`python -m services.launch`: the Procfile's processes on this machine, as `make run` starts them."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager

from services.local import demo_settings, own_settings, secrets_of_this_checkout
from services.probes import until_ok

READY_SECONDS = 120.0  # the first start makes the demo world and syncs it
STOPPED_BY_CTRL_C = 130


def main() -> None:
    """Start everything, say when it is ready, and end everything on Ctrl-C."""
    chosen = {**own_settings(), **os.environ}  # .env wins over the demo, the environment over .env
    port = _free_port(chosen, "RELINK_PORT", 8501, "web")
    sandbox_port = _free_port(chosen, "RELINK_SANDBOX_PORT", 8502, "sandbox")
    secrets_of_this_checkout()
    environment = {
        **demo_settings(port=port, sandbox_port=sandbox_port),
        **chosen,
        "RELINK_SANDBOX_PORT": str(sandbox_port),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    manager = Manager()
    for name, command in parse_procfile(Path("Procfile").read_text()).processes.items():
        manager.add_process(name, command, env=environment)
    threading.Thread(target=_announce, args=(environment["RELINK_PUBLIC_URL"], port), daemon=True).start()
    manager.loop()
    sys.exit(0 if manager.returncode == STOPPED_BY_CTRL_C else manager.returncode)


def _free_port(chosen: Mapping[str, str], variable: str, usual: int, what: str) -> int:
    text = chosen.get(variable, str(usual))
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"{variable} is {text!r}, which is no port. Use a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError:
            sys.exit(
                f"Port {text} is taken, so the {what} cannot start. Stop what uses it, or choose another "
                f"port: make run {variable}={int(text) + 100}"
            )
    return int(text)


def _announce(public_url: str, port: int) -> None:
    if until_ok(f"http://localhost:{port}/readyz", seconds=READY_SECONDS):
        print(f"Relink is ready: {public_url}", flush=True)
    else:
        print(
            f"Relink is not ready after {READY_SECONDS:.0f} s. The lines above say why; "
            "press Ctrl-C and start again.",
            flush=True,
        )


if __name__ == "__main__":
    main()
