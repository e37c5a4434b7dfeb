"""The sandbox's mailboxes: what Apprise posts is kept, shown safely, and told to tests."""

from __future__ import annotations

import uuid
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.integration.sandbox.driver import Driver


def somebody() -> str:
    return f"{uuid.uuid4().hex[:12]}@shop.example"


def post(sandbox: Driver, address: str, message: str, title: str = "A letter") -> httpx.Response:
    """Post what Apprise's `json://` posts."""
    posting = {"version": "1.0", "title": title, "message": message, "attachments": [], "type": "info"}
    return sandbox.http.post(f"/mail/{address}", json=posting)


def mails(sandbox: Driver, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox.http.get("/sandbox/mail", params={"address": address}).json()
    return found


class Tags(HTMLParser):
    """Collects the tags of a page, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.links = set[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"] or "")


def test_a_mail_is_kept_for_whom_it_was_posted_to_alone(sandbox: Driver) -> None:
    anna, ben = somebody(), somebody()
    assert post(sandbox, anna, "Good morning.", "Hello").status_code == 204
    assert [(mail["title"], mail["message"]) for mail in mails(sandbox, anna)] == [("Hello", "Good morning.")]
    assert mails(sandbox, ben) == []


def test_an_address_is_one_mailbox_however_it_is_written(sandbox: Driver) -> None:
    anna = somebody()
    post(sandbox, anna.upper(), "One")
    post(sandbox, anna, "Two")
    assert [mail["message"] for mail in mails(sandbox, anna.title())] == ["One", "Two"]
    assert "Two" in sandbox.http.get(f"/mail/{anna.upper()}").text


@pytest.mark.parametrize("address", ["o'brien/accounts+xero@shop.example", "100%@shop.example", "a?b#c"])
def test_a_mailbox_of_any_name_can_be_opened_from_the_list(sandbox: Driver, address: str) -> None:
    post(sandbox, quote(address, safe=""), "Here.")
    links = Tags(sandbox.http.get("/mail").text).links
    assert "Here." in sandbox.http.get(links[0]).text


def test_a_mailbox_shows_the_newest_mail_first_and_its_links_can_be_followed(sandbox: Driver) -> None:
    anna = somebody()
    post(sandbox, anna, "The first.")
    post(
        sandbox, anna, "Open this:\n\nhttp://localhost:8501/r/abc?x=1&y=2.\nThen wait (https://x.example/a)."
    )
    page = sandbox.http.get(f"/mail/{anna}").text
    assert page.index("Open this") < page.index("The first.")
    assert Tags(page).links == ["/mail", "http://localhost:8501/r/abc?x=1&y=2", "https://x.example/a"]


def test_hostile_text_stays_text(sandbox: Driver) -> None:
    anna = somebody()
    hostile = (
        "<script>alert(1)</script> javascript:alert(1) http://x.example/\"onmouseover=alert(1) '<img src=x>"
    )
    post(sandbox, anna, hostile, title="<b onclick=x>Hi</b>")
    answer = sandbox.http.get(f"/mail/{anna}")
    shown = Tags(answer.text)
    assert not shown.tags & {"script", "img", "b"}
    assert shown.links == ["/mail", "http://x.example/"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_mailbox_to_which_nothing_came_says_so(sandbox: Driver) -> None:
    assert "Nothing has come to this address yet" in sandbox.http.get(f"/mail/{somebody()}").text


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'{"title": "no message"}'])
def test_what_is_no_mail_is_refused(sandbox: Driver, body: bytes) -> None:
    anna = somebody()
    assert sandbox.http.post(f"/mail/{anna}", content=body).status_code == 400
    assert mails(sandbox, anna) == []


def test_faults_hit_the_mail_too(sandbox: Driver) -> None:
    anna = somebody()
    sandbox.control("POST", "/faults", method="POST", path=f"^/mail/{anna}$", status=503)
    sandbox.control("POST", "/faults", method="POST", path=f"^/mail/{anna}$", reset="after")
    assert post(sandbox, anna, "Refused").status_code == 503
    with pytest.raises(httpx.ReadError):
        post(sandbox, anna, "Taken, and the answer lost")
    assert [mail["message"] for mail in mails(sandbox, anna)] == ["Taken, and the answer lost"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/mail"), ("POST", "/reset")])
def test_emptying_and_starting_over_leave_no_mail(sandbox: Driver, method: str, path: str) -> None:
    post(sandbox, somebody(), "Soon gone")
    answer = sandbox.http.request(
        method, f"/sandbox{path}", json={"world": "empty"} if method == "POST" else None
    )
    assert answer.is_success, answer.text
    assert sandbox.control("GET", "/mail") == []
    assert "Nothing has come yet" in sandbox.http.get("/mail").text
