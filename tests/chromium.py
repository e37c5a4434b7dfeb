"""A real Chromium for browser tests: `python -m tests.chromium` makes sure that there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")

#: Headless, also as root in a container, and without a word to anybody outside this machine.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def installed() -> str | None:
    """Return the path of a Chromium on this machine, or None: then Playwright's own is used."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Playwright) -> Browser:
    """Start the browser."""
    return playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)


def main() -> None:
    """Install a Chromium where there is none: Debian's as root, elsewhere Playwright's own."""
    if installed() or _has_own():
        return
    if Path("/etc/debian_version").exists() and os.geteuid() == 0:
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation")
    else:
        _run(sys.executable, "-m", "playwright", "install", "chromium")


def _has_own() -> bool:
    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


if __name__ == "__main__":
    main()
