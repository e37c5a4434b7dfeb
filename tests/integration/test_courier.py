"""The courier with a real mail server: what arrives, at whom, and what it makes of each answer."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as AS_SENT
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from services import courier
from services.courier import Outcome, Parcel

ANNA = "anna@shop.example"
BODY = (
    "Hello Anna,\n\nopen this link:\n    https://relink.example/r/abc_DEF-123?x=1&y=2#z\n\n"
    "  1. *Press* <Sync Now>\n.\nÅse & Łukasz, {{here}} ${there} \\n :smile:\n\nRelink\n"
)


@dataclass(slots=True)
class Postmaster:
    """Takes every mail but what it was told to refuse."""

    refuses: str = ""
    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Refuse some recipients."""
        if address == self.refuses:
            return f"550 {address} is unknown here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the mail."""
        assert isinstance(envelope.content, bytes)
        mail: Any = message_from_bytes(envelope.content, policy=AS_SENT)
        self.taken.append((list(envelope.rcpt_tos), mail))
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def postmaster() -> Postmaster:
    """Who decides on mails."""
    return Postmaster()


@pytest.fixture
def mail_url(postmaster: Postmaster) -> Iterator[str]:
    """The address of a running mail server, as an operator sets it."""
    server = Controller(postmaster, hostname="127.0.0.1", port=free_port())
    server.start()
    yield f"mailto://127.0.0.1:{server.port}/?from=relink@relink.example&name=Relink&to={{to}}"
    server.stop()


def parcel(recipient: str | None = ANNA, subject: str = "Reconnect Xero for Åse & Söhne") -> Parcel:
    return Parcel(recipient=recipient, subject=subject, body=BODY)


def test_a_mail_arrives_word_for_word_at_its_recipient_alone(mail_url: str, postmaster: Postmaster) -> None:
    assert courier.hand_over(mail_url, parcel()) is Outcome.TAKEN
    [(recipients, mail)] = postmaster.taken
    assert recipients == [ANNA]
    assert mail["To"] == ANNA
    assert mail["From"] == "Relink <relink@relink.example>"
    assert mail["Subject"] == "Reconnect Xero for Åse & Söhne"
    assert (mail["Cc"], mail["Bcc"], mail["Reply-To"]) == (None, None, None)
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n").rstrip() == BODY.rstrip()


@pytest.mark.parametrize(
    "address",
    [
        "o'brien@shop.example",
        "anna+xero@shop.example",
        "100%@shop.example",
        "a/b#c?d=e&f@shop.example",
    ],
)
def test_a_mail_goes_to_the_very_address_however_apprise_reads_it(
    mail_url: str, postmaster: Postmaster, address: str
) -> None:
    assert courier.hand_over(mail_url, parcel(address)) is Outcome.TAKEN
    [(recipients, _)] = postmaster.taken
    assert recipients == [address]


def test_a_subject_of_several_lines_forges_no_header(mail_url: str, postmaster: Postmaster) -> None:
    courier.hand_over(mail_url, parcel(subject="Hello\r\nBcc: ben@shop.example\r\n\r\nForged"))
    [(recipients, mail)] = postmaster.taken
    assert recipients == [ANNA]
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Hello Bcc: ben@shop.example Forged"


def test_a_recipient_whom_the_server_does_not_know_is_a_refusal(
    mail_url: str, postmaster: Postmaster
) -> None:
    postmaster.refuses = ANNA
    assert courier.hand_over(mail_url, parcel()) is Outcome.REFUSED
    assert postmaster.taken == []


def test_a_server_that_is_not_there_is_a_refusal() -> None:
    url = f"mailto://127.0.0.1:{free_port()}/?from=relink@relink.example&to={{to}}"
    assert courier.hand_over(url, parcel()) is Outcome.REFUSED


def test_a_server_that_never_answers_leaves_it_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mailto://127.0.0.1:{silent.getsockname()[1]}/?from=relink@relink.example&to={{to}}"
        assert courier.hand_over(url, parcel(), longest_seconds=0.5) is Outcome.UNKNOWN


def test_a_password_that_is_refused_is_a_refusal(mail_url: str, postmaster: Postmaster) -> None:
    with_password = mail_url.replace("://", "://relink:wrong@")
    assert courier.hand_over(with_password, parcel()) is Outcome.REFUSED
    assert postmaster.taken == []


@pytest.mark.parametrize("url", ["nosuch://x/{to}", "mailto://", "https://", "slack://only-one-part"])
def test_what_apprise_does_not_understand_is_unusable(url: str) -> None:
    assert courier.hand_over(url, parcel()) is Outcome.UNUSABLE


def test_nothing_of_ours_waits_for_apprise_to_be_imported() -> None:
    ours = "import sys, services.messages, services.worker.workflows; assert 'apprise' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", ours], check=True)
