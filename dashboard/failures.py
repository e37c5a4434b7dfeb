"""Failures nobody foresaw: written down under a reference, and shown as that reference alone."""

from __future__ import annotations

import secrets

import streamlit as st
import structlog

log = structlog.get_logger("relink.web")


def note(error: Exception) -> str:
    """Log a failure with its traceback, and return the reference to find it by."""
    reference = secrets.token_hex(4).upper()
    log.error("request failed", reference=reference, exc_info=error)
    return reference


def show(error: Exception) -> bool:
    """Show a page's failure in place of a traceback; True tells Streamlit that it is dealt with."""
    st.error(
        f"It was written down with the reference **{note(error)}**. Reload the page to try again; "
        "if it comes back, give that reference to whoever runs Relink.",
        title="This page could not be shown",
    )
    return True
