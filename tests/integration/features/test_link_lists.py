"""Reconnect links listed and taken back: by whom, what is told of each, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from services import members
from services.declined import Declined
from services.links import course, lists
from services.links.lists import UnsentQuery
from services.store import tables
from services.store.engine import utcnow
from services.store.states import Health, LinkState
from tests.integration.invited import age, broken, copied, history, links_of, revoke, search, send
from tests.integration.office import Office

DAY = timedelta(days=1)


def test_a_mail_that_failed_is_told_with_its_link_and_never_reminded_of(office: Office) -> None:
    failed, sent, copy = office.shop(), office.shop(), office.shop()
    broken(office, failed, sent, copy)
    office.xero.mail_fails("owner@shop.example", times=4, status=503)
    send(office, failed, recipient="owner@shop.example")
    send(office, sent)
    copied(office, copy)
    assert {row.trouble for row in search(office, office.agent).rows} == {None}, "it is tried again"
    office.work_off(ahead=timedelta(hours=1))
    troubles = {row.workspace_id: row.trouble for row in search(office, office.agent).rows}
    assert "did not take it, 4 times" in str(troubles.pop(failed.workspace_id))
    assert troubles == {sent.workspace_id: None, copy.workspace_id: None}
    for shop in (failed, sent):
        age(office, shop, timedelta(days=2, minutes=1))
    assert course.chase(office.desk) == 1
    assert [link.chased_at for link in links_of(office, failed)] == [None]


def test_a_link_is_revoked_with_a_name_and_a_reason(office: Office) -> None:
    shop = office.shop()
    broken(office, shop)
    copied(office, shop)
    (link,) = links_of(office, shop)
    with pytest.raises(Declined, match="Say why"):
        revoke(office, office.agent, link.id, "  ")
    revoke(office, office.agent, link.id)
    (link,) = links_of(office, shop)
    assert (link.state, link.ended_by, link.ended_reason) == (
        LinkState.REVOKED,
        office.agent.email,
        "Wrong person.",
    )
    assert "The reconnect link for a•••@shop.example was revoked." in history(office, shop)
    with pytest.raises(Declined, match="nothing to revoke"):
        revoke(office, office.agent, link.id)
    with pytest.raises(Declined, match="no such link"):
        revoke(office, office.agent, "no-such-link")


def test_somebody_elses_link_is_neither_seen_nor_revoked(office: Office) -> None:
    own, foreign = office.shop(), office.shop()
    broken(office, own, foreign)
    copied(office, own)
    copied(office, foreign)
    office.admin_leaves(foreign)
    (link,) = links_of(office, foreign)
    assert [row.workspace_id for row in search(office, office.admin).rows] == [own.workspace_id]
    with pytest.raises(members.UnknownWorkspace):
        revoke(office, office.admin, link.id)


def test_links_are_listed_newest_first_by_state_and_workspace_and_page(office: Office) -> None:
    first, second = office.shop(), office.shop()
    broken(office, first, second)
    for shop in (first, first, second):
        copied(office, shop)
    everything = search(office, office.agent)
    assert [row.sent_at for row in everything.rows] == sorted(
        (row.sent_at for row in everything.rows), reverse=True
    )
    assert everything.counts == {LinkState.SENT: 2, LinkState.REVOKED: 1}
    revoked = search(office, office.agent, states=(LinkState.REVOKED,))
    assert (revoked.total, [row.live for row in revoked.rows]) == (1, [False])
    assert search(office, office.agent, workspace_id=second.workspace_id).total == 1
    page = search(office, office.agent, page=2, page_size=2)
    assert (len(page.rows), page.total, page.pages) == (1, 3, 2)


@contextmanager
def statements(office: Office) -> Iterator[list[tuple[str, Any]]]:
    """Note what is asked of the store."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(office.desk.store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(office.desk.store.engine, "before_cursor_execute", note)


def test_a_longer_list_takes_no_more_queries(office: Office) -> None:
    shops = [office.shop() for _ in range(4)]
    broken(office, *shops)
    copied(office, shops[0])
    with statements(office) as few:
        assert len(search(office, office.agent).rows) == 1
    for shop in shops[1:]:
        copied(office, shop)
    with statements(office) as many:
        assert len(search(office, office.agent).rows) == 4
    assert len(many) == len(few)


def test_the_newest_links_are_read_from_an_index_and_not_sorted_out_of_all(office: Office) -> None:
    with statements(office) as asked:
        search(office, office.agent)
    [listing] = [each for each in asked if "ORDER BY reconnect_links.sent_at" in each[0]]
    with office.desk.store.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN"
        if connection.dialect.name == "postgresql":
            explain = "EXPLAIN"  # as over many rows, where it would not read and sort them all
            for way in ("seqscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        plan = str(connection.exec_driver_sql(f"{explain} {listing[0]}", listing[1]).all())
    assert "ix_reconnect_links_sent_at_id" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_nobody_is_asked_in_bulk_about_what_did_not_break_or_is_left_alone(office: Office) -> None:
    never, paused, leaving, due = (office.shop() for _ in range(4))
    broken(office, paused, leaving, due)
    broken(office, never, health=Health.NOT_CONNECTED)
    office.change(tables.Connection, paused.workspace_id, paused_at=utcnow())
    office.change(tables.Connection, leaving.workspace_id, leaving_at=utcnow())
    for health in ((), tuple(Health)):
        with office.desk.store.read() as session:
            page = lists.unsent(session, office.agent, UnsentQuery(health=health))
            ids = lists.unsent_ids(session, office.agent, health, limit=9)
        assert [row.workspace_id for row in page.rows] == ids == [due.workspace_id]
        assert (page.total, page.counts) == (1, {Health.EXPIRED: 1})
    with office.desk.store.read() as session:
        asked = lists.unsent(session, office.agent, UnsentQuery(health=(Health.NOT_CONNECTED,)))
    assert (asked.total, asked.rows) == (0, ())


def test_broken_workspaces_wait_for_a_link_until_one_lives(office: Office) -> None:
    first, second, healthy = office.shop(), office.shop(), office.shop()
    broken(office, first, second)
    office.change(tables.Connection, second.workspace_id, health_since=utcnow() - DAY)
    with office.desk.store.read() as session:
        page = lists.unsent(session, office.agent, UnsentQuery())
        none = lists.unsent(session, office.agent, UnsentQuery(health=(Health.HEALTHY, Health.WRONG_ROLE)))
    assert [row.workspace_id for row in page.rows] == [second.workspace_id, first.workspace_id]
    assert (page.counts, page.rows[0].recipient) == ({Health.EXPIRED: 2}, office.admin.email)
    assert healthy.workspace_id not in {row.workspace_id for row in none.rows}
    copied(office, second)
    with office.desk.store.read() as session:
        assert lists.unsent_ids(session, office.agent, (), limit=9) == [first.workspace_id]
