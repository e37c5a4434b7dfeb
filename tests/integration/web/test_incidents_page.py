"""Incidents: what is open now, and how it developed."""

from __future__ import annotations

from datetime import timedelta

from dashboard import navigation
from services import insights
from services.desk import Desk
from services.store import tables
from services.store.engine import utcnow
from services.store.states import IncidentState
from tests.integration.web import world
from tests.integration.web.conftest import OpenPage, text_of


def test_a_manager_sees_what_is_open_and_what_it_holds_up(open_page: OpenPage) -> None:
    shown = text_of(open_page(navigation.INCIDENTS, world.MANAGER))

    assert "Harbour &amp; Finch" in shown
    assert "Xero answered 400 invalid_grant." in shown
    assert "GBP 3,619.50" in shown


def test_a_closed_incident_leaves_the_open_list_and_is_in_all(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        incident = session.query(tables.Incident).one()
        incident.state, incident.closed_at = IncidentState.CLOSED, utcnow()
    app = open_page(navigation.INCIDENTS, world.MANAGER)
    assert "No open incident" in text_of(app)

    app.segmented_control(key="which").set_value("All").run()

    assert "Harbour &amp; Finch" in text_of(app)


def test_charts_say_in_words_what_they_show(desk: Desk, open_page: OpenPage) -> None:
    with desk.store.begin() as session:
        yesterday = (utcnow() - timedelta(days=1)).date()
        session.add(tables.DailyFigure(day=yesterday, figure=insights.OPENED, cause="wrong role", count=4))

    app = open_page(navigation.INCIDENTS, world.MANAGER)

    spoken = [chart.proto.alt for chart in app.get("plotly_chart")]
    assert "Incidents a day. In 30 days: 5 opened, 0 resolved." in spoken
    assert "Incidents by cause: wrong role 4, expired 1." in spoken
