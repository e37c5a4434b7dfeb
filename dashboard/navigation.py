"""The pages, in one table that navigation, titles, links and permissions are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import streamlit as st
from markupsafe import Markup

from dashboard.parts import markup
from services.members import Member, Permission
from services.store.states import Role

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

PAGES_FOLDER = Path(__file__).resolve().parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: its script, its address, and what a member must be permitted to open it."""

    script: str
    title: str
    path: str  #: of the address; empty for the page at the root
    permission: Permission
    in_menu: bool = True  #: others are reached by links, and need what the link carries

    def link(self, **query: str) -> str:
        """Return the address of the page within this site, ready to be linked to."""
        return f"/{self.path}" + (f"?{urlencode(query)}" if query else "")

    def source(self) -> Path:
        """Return the script of the page; never beside the entry script, where it would run ungated."""
        return PAGES_FOLDER / self.script


WORKSPACES = PageEntry("workspaces.py", "Workspaces", "", Permission.SEE_WORKSPACES)
INCIDENTS = PageEntry("incidents.py", "Incidents", "incidents", Permission.SEE_INCIDENTS)
FAILED_EXPORTS = PageEntry("failed_exports.py", "Failed exports", "failed-exports", Permission.RETRY)
IMPORT_REPORTS = PageEntry("import_reports.py", "Import reports", "import-reports", Permission.IMPORT_REPORTS)
LINKS = PageEntry("links.py", "Reconnect links", "links", Permission.SEND_LINKS)
WORKSPACE = PageEntry("workspace.py", "Workspace", "workspace", Permission.SEE_WORKSPACES, in_menu=False)
RECONNECT = PageEntry("reconnect.py", "Reconnect", "reconnect", Permission.FOLLOW, in_menu=False)
RETRY = PageEntry("retry.py", "Retry", "retry", Permission.RETRY, in_menu=False)
EXPORT = PageEntry("export.py", "Export", "export", Permission.SEE_WORKSPACES, in_menu=False)

PAGES = (WORKSPACES, INCIDENTS, FAILED_EXPORTS, IMPORT_REPORTS, LINKS, WORKSPACE, RECONNECT, RETRY, EXPORT)


def streamlit_page(entry: PageEntry, shown: Path | Callable[[], None], *, in_menu: bool) -> StreamlitPage:
    """Return Streamlit's page at the entry's address, with `shown` as what it shows."""
    return st.Page(
        shown,
        title=entry.title,
        url_path=entry.path or None,
        default=entry is WORKSPACES,
        visibility="visible" if in_menu else "hidden",
    )


def closed_pages(shown: Callable[[], None]) -> list[StreamlitPage]:
    """Return every address showing the same thing, so that no link is dead for somebody signed out."""
    return [streamlit_page(entry, shown, in_menu=False) for entry in PAGES]


def pages_of(member: Member, refused: Callable[[], None]) -> list[StreamlitPage]:
    """Return every page; those the member may not open show `refused` and are not in the menu."""
    return [
        streamlit_page(entry, entry.source(), in_menu=entry.in_menu)
        if may_open(member, entry)
        else streamlit_page(entry, refused, in_menu=False)
        for entry in PAGES
    ]


def workspace_link(member: Member, workspace_id: str, text: str) -> Markup:
    """Return a link to a workspace's page, or just its text for somebody who may not open that page."""
    if member.may(WORKSPACE.permission):
        return markup.link(text, WORKSPACE.link(id=workspace_id))
    return Markup("{}").format(text)


def export_link(member: Member, export_id: int, number: str) -> Markup:
    """Return an export's number, as a link to its page for somebody who may open that page."""
    if may_open(member, EXPORT):
        return markup.link(number, EXPORT.link(id=str(export_id)))
    return markup.strong(number)


def may_open(member: Member, entry: PageEntry) -> bool:
    """Say whether the page is for the member; the guest of a reconnect link gets the wizard alone."""
    return member.may(entry.permission) and (member.role is not Role.GUEST or entry is RECONNECT)


def open_page(entry: PageEntry, **query: str) -> None:
    """Switch to a page; ends this run. Not for callbacks."""
    st.switch_page(streamlit_page(entry, entry.source(), in_menu=entry.in_menu), query_params=query)
