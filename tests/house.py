"""The whole house as real processes on free ports, with a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from services.local import demo_settings
from services.probes import until_ok

ROOT = Path(__file__).parent.parent
READY_SECONDS = 90.0
STOP_SECONDS = 20.0


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class House:
    """Sandbox, worker and web, each started and killed for real."""

    folder: Path
    port: int = field(default_factory=free_port)
    sandbox_port: int = field(default_factory=free_port)
    database_url: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database_url = self.database_url or f"sqlite:///{self.folder / 'relink.db'}"
        self.secrets = {
            "RELINK_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "RELINK_COOKIE_SECRET": "a-cookie-secret-for-tests-of-40-letters-",
        }

    secrets: dict[str, str] = field(init=False)

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox is."""
        return f"http://localhost:{self.sandbox_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every process of the house."""
        return {
            **os.environ,
            **demo_settings(port=self.port, sandbox_port=self.sandbox_port),
            **self.secrets,
            "RELINK_DATABASE_URL": self.database_url,
        }

    def start_sandbox(self, *, world: str = "empty", limits: str = "off") -> None:
        """Start the sandbox and wait until it answers."""
        redirect = f"{self.url}/connect/xero/callback"
        options = ["--port", str(self.sandbox_port), "--world", world, "--limits", limits]
        self._start("sandbox", ["-m", "services.sandbox", *options, "--redirect-uri", redirect])
        assert until_ok(f"{self.sandbox_url}/sandbox/health", seconds=READY_SECONDS), self.log("sandbox")

    def start_worker(self, name: str = "worker", *, module: str = "services.worker", **settings: str) -> None:
        """Start a worker; it takes up what its predecessor of the same name left."""
        self._start(name, ["-m", module], RELINK_WORKER_ID=name, **settings)

    def start_web(self, *, wait: bool = True) -> None:
        """Start the pages and, but for `wait`, come back once they can be served, a worker included."""
        self._start("web", ["-m", "dashboard.asgi"])
        if wait:
            assert until_ok(f"{self.url}/readyz", seconds=READY_SECONDS), self.log("web")

    def command(self, *arguments: str) -> str:
        """Run an operator's command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "services", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _start(self, name: str, arguments: Sequence[str], **settings: str) -> None:
        with self._log_file(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env={**self.environment, **settings},
                stdout=log,
                stderr=log,
            )

    def _log_file(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log(self, name: str) -> str:
        """Return what a process has said."""
        return self._log_file(name).read_text()

    def kill(self, name: str) -> None:
        """Kill a process as the machine would: at once, with no chance to tidy up."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Ask every process to end, and wait for it."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(STOP_SECONDS)
        self.processes.clear()


@contextmanager
def house(folder: Path, *, database_url: str = "") -> Iterator[House]:
    """Open a house; whatever runs in it at the end is stopped."""
    opened = House(folder, database_url=database_url)
    try:
        yield opened
    finally:
        opened.stop()
