"""Logs: one line of JSON an event, without the values of variables, which may be secrets."""

from __future__ import annotations

import sys

import structlog


def write_json_lines() -> None:
    """Set this process's log up."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
