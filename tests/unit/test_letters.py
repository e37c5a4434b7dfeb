"""Letters: everything somebody needs to reconnect, and no name that can forge a line."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services import catalogue, letters
from services.letters import Invitation, Letter
from services.messages import Channel

UNTIL = datetime(2026, 12, 1, 6, 37, tzinfo=UTC)
BRIGHTSIDE = Invitation(
    workspace="Brightside Consulting",
    organisation="Brightside Ltd",
    login="t***@brightside.example",
    url="https://relink.example/reconnect/abc_DEF-123",
    expires_at=UNTIL,
    code="XERO11",
)
KAURI = replace(
    BRIGHTSIDE,
    workspace="Kauri Tours",
    organisation=None,
    login=None,
    url="https://relink.example/reconnect/xyz",
)
SENDER = "Mara Lindqvist"

ASKING = pytest.mark.parametrize("ask", [letters.invite, letters.remind])
Ask = Callable[..., Letter]

PARTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from("\r\n\t\v\f\0\x1b\x85\u2028\u2029\u202e\u2066\u200b\ufeff\ud800"),
    st.sampled_from(
        ("\nLink: https://evil.example/", "{{ url }}", "{% raw %}", "\r\nBcc: x@evil.example", "<b>")
    ),
)
HOSTILE = st.lists(PARTS, max_size=8).map("".join)


# What they say


@ASKING
def test_a_letter_says_what_happened_to_what_and_who_has_to_do_what(ask: Ask) -> None:
    letter = ask([BRIGHTSIDE], sender=SENDER)
    for words in (
        "XERO11 Sync Error: The connection to Xero has expired. "
        "Please follow prompts in the workspace to reconnect.",
        "exports wait, and nothing is lost",
        "Workspace: Brightside Consulting\n",
        "Xero organisation: Brightside Ltd\n",
        "Xero login: t***@brightside.example\n",
        f"Link: {BRIGHTSIDE.url}\n",
        "until 1 December 2026, 06:37 UTC, and for this e-mail address only",
        "role Standard or Adviser",
        "What happens next",
        "If you do not have that Xero login",
        "If that person has left",
    ):
        assert words in letter.body
    assert "Brightside Consulting" in letter.subject
    assert letter.body.endswith(f"\n\n{SENDER}")


@ASKING
def test_the_steps_stand_in_the_order_in_which_they_are_taken(ask: Ask) -> None:
    body = ask([BRIGHTSIDE], sender=SENDER).body
    steps = (
        "1. Open the link.",
        "2. Confirm your address",
        "3. Press Sync Now.",
        "4. When prompted, press Reconnect.",
        "5. Log in to Xero with the login that was originally used",
        "6. Choose the same organisation",
        "7. Release the exports that failed",
    )
    places = [body.index(step) for step in steps]
    assert places == sorted(places)
    assert "allow access" in body


@ASKING
def test_several_workspaces_of_one_person_make_one_letter_with_a_link_each(ask: Ask) -> None:
    letter = ask([BRIGHTSIDE, KAURI], sender=SENDER)
    assert "2 workspaces" in letter.subject
    for invitation in (BRIGHTSIDE, KAURI):
        assert f"Workspace: {invitation.workspace}\n" in letter.body
        assert letter.body.count(invitation.url) == 1
    assert "Xero login: the one that was originally used to set up the connection\n" in letter.body
    assert "named above" not in letter.body


def test_the_first_link_to_expire_sets_the_date() -> None:
    later = replace(KAURI, expires_at=UNTIL + timedelta(days=3))
    assert "until 1 December 2026, 06:37 UTC" in letters.invite([later, BRIGHTSIDE], sender=SENDER).body


def test_a_time_of_any_zone_is_told_in_utc() -> None:
    there = UNTIL.astimezone(timezone(timedelta(hours=13)))
    body = letters.invite([replace(BRIGHTSIDE, expires_at=there)], sender=SENDER).body
    assert "until 1 December 2026, 06:37 UTC" in body


def test_only_the_first_letter_promises_seven_days_and_only_the_second_is_a_reminder() -> None:
    first, second = (ask([BRIGHTSIDE], sender=SENDER) for ask in (letters.invite, letters.remind))
    assert "It works for 7 days, until" in first.body
    assert "7 days" not in second.body
    assert "This is our only reminder." in second.body
    assert "eminder" not in first.subject + first.body
    assert second.subject == "Reminder: reconnect Xero for Brightside Consulting"


def test_the_code_stands_alone_in_its_letter_and_not_in_the_subject() -> None:
    letter = letters.confirm("493817", minutes=10)
    assert "\n    493817\n" in letter.body
    assert "for 10 minutes" in letter.body
    assert "4" not in letter.subject
    assert "workspace" not in (letter.subject + letter.body).lower()


@pytest.mark.parametrize("told", [Channel.EMAIL, Channel.CHAT])
def test_a_reply_in_a_ticket_holds_no_link_that_was_sent_otherwise(told: Channel) -> None:
    text = letters.reply([BRIGHTSIDE, KAURI], told=told)
    assert "https://" not in text
    assert "The link to reconnect is on its way" in text
    assert "Workspace: Kauri Tours" in text


def test_a_reply_in_a_ticket_holds_the_link_that_is_handed_over_by_hand() -> None:
    text = letters.reply([BRIGHTSIDE], told=Channel.COPIED)
    assert f"Link: {BRIGHTSIDE.url}\n" in text
    assert "on its way" not in text
    assert "only for the e-mail address that we made it for" in text


def test_every_letter_is_laid_out_without_holes() -> None:
    for invitations in ([BRIGHTSIDE], [BRIGHTSIDE, KAURI], [ROLE], [NONE], [ROLE, NONE], [NONE, NONE]):
        for body in (
            letters.invite(invitations, sender=SENDER).body,
            letters.remind(invitations, sender=SENDER).body,
            letters.reply(invitations, told=Channel.EMAIL),
            letters.reply(invitations, told=Channel.COPIED),
            letters.confirm("493817", minutes=10).body,
        ):
            assert "\n\n\n" not in body
            assert body == body.strip()
            assert not any(line != line.rstrip() for line in body.split("\n"))
            assert "{" not in body
            assert "None" not in body


# What is wrong

ROLE = replace(BRIGHTSIDE, code="XERO12")
NONE = replace(KAURI, code=None)
UNHEARD_OF = replace(KAURI, code="XERO0")
BODIES = pytest.mark.parametrize(
    "body",
    [
        lambda invitations: letters.invite(invitations, sender=SENDER).body,
        lambda invitations: letters.remind(invitations, sender=SENDER).body,
        lambda invitations: letters.reply(invitations, told=Channel.EMAIL),
        lambda invitations: letters.reply(invitations, told=Channel.COPIED),
    ],
)
Body = Callable[[list[Invitation]], str]


@BODIES
def test_a_letter_says_what_is_wrong_with_this_very_connection(body: Body) -> None:
    text = body([ROLE])
    entry = catalogue.get("XERO12")
    assert f"XERO12 {entry.title}: {entry.meaning}" in text
    assert "to be connected to Xero again:" in text
    assert "expired" not in text
    assert "XERO11" not in text


@BODIES
@pytest.mark.parametrize("invitation", [NONE, UNHEARD_OF])
def test_a_letter_about_a_connection_without_a_code_names_none(body: Body, invitation: Invitation) -> None:
    text = body([invitation])
    assert "to be connected to Xero again." in text
    assert "XERO" not in text
    assert "expired" not in text


@BODIES
def test_a_letter_about_several_errors_says_which_workspace_has_which(body: Body) -> None:
    text = body([BRIGHTSIDE, ROLE, NONE])
    assert text.index("XERO11 Sync Error: ") < text.index("XERO12 Retired connection type: ")
    for error in ("XERO11", "XERO12", "not connected"):
        assert text.count(f"\nError: {error}\n") == 1
    assert "Error: XERO" not in body([BRIGHTSIDE, KAURI]).replace("Sync Error", "")


# Hostile names


@ASKING
@given(workspace=HOSTILE, organisation=HOSTILE, login=HOSTILE, sender=HOSTILE)
@example(workspace="A\nLink: https://evil.example/", organisation="", login="\r\n\r\n", sender="{{ 7 * 7 }}")
def test_no_name_forges_a_line_a_header_or_a_template(
    ask: Ask, workspace: str, organisation: str, login: str, sender: str
) -> None:
    hostile = replace(BRIGHTSIDE, workspace=workspace, organisation=organisation or None, login=login or None)
    letter = ask([hostile], sender=sender)
    harmless = replace(
        BRIGHTSIDE,
        workspace="W",
        organisation="O" if organisation else None,
        login="L" if login else None,
    )
    shape = [line.split(":")[0] for line in ask([harmless], sender="S").body.splitlines()]
    lines = letter.body.splitlines()
    assert len(lines) == len(shape)
    differing = [line for line, expected in zip(lines, shape, strict=True) if not line.startswith(expected)]
    assert len(differing) <= 1  # the signature
    assert all(unicodedata.category(mark)[0] not in "CZ" or mark in " \n" for mark in letter.body)
    assert_one_line(letter.subject)


def assert_one_line(subject: str) -> None:
    assert 0 < len(subject) <= 150
    assert subject.splitlines() == [subject]
    assert all(unicodedata.category(mark)[0] not in "CZ" or mark == " " for mark in subject)


@given(workspace=HOSTILE)
def test_no_name_forges_a_line_in_a_ticket(workspace: str) -> None:
    count = len(letters.reply([BRIGHTSIDE], told=Channel.COPIED).splitlines())
    text = letters.reply([replace(BRIGHTSIDE, workspace=workspace)], told=Channel.COPIED)
    assert len(text.splitlines()) == count


def test_a_name_that_fills_pages_is_cut() -> None:
    letter = letters.invite([replace(BRIGHTSIDE, workspace="Very " * 1000)], sender=SENDER)
    assert_one_line(letter.subject)
    [line] = [line for line in letter.body.splitlines() if line.startswith("Workspace: ")]
    assert len(line) <= 120
    assert line.endswith("…")


@pytest.mark.parametrize(
    "name", ["Łódź & Søn <A/S>", "株式会社", 'O\'Brien "Ltd"', "שלום", "{{ workspace }}"]
)
def test_the_names_of_this_world_stay_as_they_are(name: str) -> None:
    letter = letters.invite([replace(BRIGHTSIDE, workspace=name)], sender=SENDER)
    assert f"Workspace: {name}\n" in letter.body
    assert letter.subject.endswith(name)


def test_a_name_of_nothing_is_said_to_be_none() -> None:
    letter = letters.invite([replace(BRIGHTSIDE, workspace="\n\u200b ")], sender=SENDER)
    assert "Workspace: without a name\n" in letter.body
