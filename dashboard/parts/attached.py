"""The receipts of one export: whether each is at its document in Xero, and what is in the way."""

from __future__ import annotations

import streamlit as st
from markupsafe import Markup

from dashboard import session
from dashboard.parts import badges, markup, tables
from services import receipts
from services.members import Member
from services.receipts import ReceiptView

KILOBYTE, MEGABYTE = 1024, 1024 * 1024


def section(member: Member, export_id: int) -> None:
    """Show the receipts of an export; nothing where it has none."""
    with session.reading() as store:
        found = receipts.of_export(store, member, export_id)
    if not found:
        return
    st.header("Receipts", anchor=False)
    tables.table(
        "Receipts",
        [
            tables.Column("File"),
            tables.Column("State"),
            tables.Column("Size", figures=True, wide_only=True),
            tables.Column("Last try", wide_only=True),
        ],
        [_row(receipt) for receipt in found],
    )


def _row(receipt: ReceiptView) -> list[str | Markup]:
    state = badges.state_badge(receipt.state)
    why = f"{receipt.code}: {receipt.message}" if receipt.code else receipt.message
    tried = markup.moment(receipt.tried_at, never="not tried yet")
    if receipt.correlation_id:
        tried += markup.second(f"Xero's correlation id {receipt.correlation_id}")
    return [
        markup.strong(receipt.name),
        state + markup.second(why) if why else state,
        _size(receipt.size_bytes),
        tried,
    ]


def _size(size_bytes: int) -> str:
    if size_bytes < MEGABYTE:
        return f"{max(1, round(size_bytes / KILOBYTE)):,} KB"
    return f"{size_bytes / MEGABYTE:,.1f} MB"
