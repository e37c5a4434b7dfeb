"""Entry script: sign-in gate, banners, and navigation by role.

It stands in a folder of its own: Streamlit runs a `pages` folder beside the entry script without it.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import navigation, session, signin
from dashboard.parts import panels

HERE = Path(__file__).parent

st.set_page_config(page_title="Relink", page_icon=str(HERE / "parts" / "icon.png"), layout="wide")
st.html(HERE / "parts" / "style.css")
st.logo(HERE / "parts" / "logo.svg", link=None, size="medium")

member = session.current_member()
if member is None:
    st.navigation(navigation.closed_pages(signin.way_in()), position="hidden").run()
    st.stop()

page = st.navigation(signin.menu(member), position="top")
signin.guest_bar(member)
panels.banners()
session.show_refusal()
page.run()
