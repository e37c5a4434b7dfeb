"""Cells of a file that people open in a spreadsheet."""

from __future__ import annotations

#: OWASP, CSV Injection; the last four are their full-width forms.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: object) -> str:
    """Return a value as text that no spreadsheet runs as a formula; numbers stay numbers."""
    text = "" if value is None else str(value)
    if isinstance(value, str) and text.startswith(FORMULA_STARTS):
        return f"'{text}"
    return text
