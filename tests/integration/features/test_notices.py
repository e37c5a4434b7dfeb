"""Banners for everybody: up once, with their beginning, until taken down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

from services import notices
from services.notices import NoticeView
from services.store.engine import utcnow
from tests.integration.office import Office

KEY = notices.APP_MISCONFIGURED


def current(office: Office) -> list[NoticeView]:
    with office.desk.store.read() as session:
        return notices.current(session)


def test_a_banner_raised_again_keeps_its_beginning_and_takes_the_newer_words(office: Office) -> None:
    began = utcnow()
    for text, now in (("first words", began), ("newer words", began + timedelta(hours=1))):
        with office.desk.store.begin() as session:
            notices.put(session, KEY, text, now=now)
    assert current(office) == [NoticeView(KEY, "newer words", began)]


def test_many_failures_at_the_same_moment_raise_one_banner_and_none_of_them_fails(office: Office) -> None:
    workers = 6
    together = Barrier(workers)

    def raise_it(_: int) -> None:
        with office.desk.store.read() as session:
            assert notices.current(session) == []
        together.wait()
        with office.desk.store.begin() as session:
            notices.put(session, KEY, "The same words.", now=utcnow())

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(raise_it, range(workers)))
    assert [notice.text for notice in current(office)] == ["The same words."]


def test_a_banner_taken_down_is_gone_and_taking_it_down_twice_is_harmless(office: Office) -> None:
    with office.desk.store.begin() as session:
        notices.put(session, KEY, "words", now=utcnow())
        notices.put(session, "another", "stays", now=utcnow())
    for _ in range(2):
        with office.desk.store.begin() as session:
            notices.clear(session, KEY)
    assert [notice.text for notice in current(office)] == ["stays"]


def test_banners_are_shown_oldest_first(office: Office) -> None:
    now = utcnow()
    for key, age_hours in (("young", 1), ("old", 5), ("middle", 3)):
        with office.desk.store.begin() as session:
            notices.put(session, key, key, now=now - timedelta(hours=age_hours))
    assert [notice.text for notice in current(office)] == ["old", "middle", "young"]
