"""Channels against real receivers on loopback."""

import asyncio
import base64
import email
import email.policy
import json
import logging
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from app.watch.alerts import trial_alert
from app.watch.channels import Log, Login, Mail, Webhook, configured_channels
from app.watch.outbox import Notice, Undelivered
from pipelines.errors import SettingsError
from pipelines.settings import Settings
from tests.unit.app.watch.delivery import deliver

NOTICE = Notice(
    "refresh_failed firing (warning)", "Ängsvik lacks prices", logging.WARNING, {"n": 1}
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A server on a free port until the block is left, when all its connections are closed."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.gather(*filter(None, tasks), return_exceptions=True)


# ----------------------------------------------------------------------------------- webhook


@dataclass
class Receiver:
    """A web server that gives the answers it is told, and notes what it was sent."""

    answers: list[int]
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.split("\r\n")
                      if line.lower().startswith("content-length"))  # fmt: skip
        self.heads.append(head)
        self.bodies.append(json.loads(await reader.readexactly(length)))
        status = self.answers[min(len(self.bodies), len(self.answers)) - 1]
        if status:
            more = "Location: /elsewhere\r\n" if status == 302 else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        async with serving(self.serve) as port:
            self.url = f"http://127.0.0.1:{port}/hooks/secret?token=secret"
            yield self


def posted(*answers: int, notices: int = 1) -> tuple[Receiver, list[float]]:
    """What a receiver got, and the pauses in between."""

    async def main() -> tuple[Receiver, list[float]]:
        async with Receiver(list(answers)).running() as receiver:
            return receiver, await deliver(Webhook(receiver.url), *[NOTICE] * notices)

    return asyncio.run(main())


def test_a_webhook_gets_the_data_and_a_text() -> None:
    receiver, pauses = posted(200)
    assert receiver.bodies == [
        {"n": 1, "text": "refresh_failed firing (warning): Ängsvik lacks prices"}
    ]
    assert receiver.heads[0].startswith("POST /hooks/secret?token=secret HTTP/1.1")
    assert "content-type: application/json" in receiver.heads[0].lower()
    assert pauses == []


@pytest.mark.parametrize("answers", [(500, 503, 200), (0, 429, 204)])
def test_a_webhook_is_tried_again_with_longer_pauses(answers: tuple[int, ...]) -> None:
    receiver, pauses = posted(*answers)
    assert len(receiver.bodies) == 3
    assert pauses == [1, 5]


def test_a_webhook_that_never_answers_well_is_given_up_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver, pauses = posted(500)
    assert (len(receiver.bodies), pauses) == (4, [1, 5, 25])
    errors = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert errors == [
        "webhook did not deliver 'refresh_failed firing (warning)': 127.0.0.1 answered 500"
    ]


@pytest.mark.parametrize("answer", [400, 404, 302])
def test_a_refusal_is_final(answer: int, caplog: pytest.LogCaptureFixture) -> None:
    receiver, pauses = posted(answer)
    assert (len(receiver.bodies), pauses) == (1, [])
    assert f"127.0.0.1 answered {answer}" in caplog.messages[-1]


def test_after_a_notice_that_was_given_up_the_next_is_sent() -> None:
    receiver, _ = posted(404, 200, notices=2)
    assert len(receiver.bodies) == 2


def test_the_secret_in_an_address_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    posted(500, 200)
    assert any("answered 500; tried again in 1 s" in message for message in caplog.messages)
    assert "secret" not in caplog.text


def test_a_receiver_that_cannot_be_reached_may_be_later() -> None:
    with pytest.raises(Undelivered) as caught:
        asyncio.run(Webhook("http://127.0.0.1:1/secret").send(NOTICE))
    assert caught.value.again
    assert str(caught.value).startswith("127.0.0.1 cannot be reached: ")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("drip", [b"", b"X-More: 1\r\n"], ids=["silent", "slow"])
def test_a_receiver_that_does_not_answer_is_left(
    monkeypatch: pytest.MonkeyPatch, drip: bytes
) -> None:
    monkeypatch.setattr("app.watch.channels.TIMEOUT_SECONDS", 0.1)

    async def main() -> None:
        gone = asyncio.Event()

        async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 X\r\n")
            while not gone.is_set():
                writer.write(drip)
                await asyncio.sleep(0.005)

        async with serving(hang) as port:
            with pytest.raises(Undelivered) as caught:
                await Webhook(f"http://127.0.0.1:{port}").send(NOTICE)
            gone.set()
        assert caught.value.again
        assert "no answer in 0.1 s" in str(caught.value)

    asyncio.run(asyncio.wait_for(main(), 30))


# ------------------------------------------------------------------------------------ e-mail


CERTIFICATE: Final = Path(__file__).with_name("mail_server.pem")
"""A key and a certificate for 127.0.0.1, signed by nobody else. It is used nowhere else."""
REPLIES: Final = {
    "DATA": "354 go on", "QUIT": "221 bye", "STARTTLS": "220 ready", "AUTH": "235 welcome",
}  # fmt: skip


def certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@dataclass
class MailServer:
    """A mail server that speaks enough SMTP, with one answer of its own to a command.

    It notes whether a command came over TLS.
    """

    verb: str = ""
    answer: str = ""
    offers: str = ""
    offers_over_tls: str = ""
    commands: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            self.encrypted.append(writer.get_extra_info("cipher") is not None)
            verb = line.split(" ")[0].upper()
            reply = self.reply(verb, line)
            writer.write(f"{reply}\r\n".encode())
            if reply.startswith("354"):
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                writer.write(b"250 taken\r\n")
            if verb == "STARTTLS" and reply.startswith("220"):
                await writer.start_tls(certificate())
            if verb == "QUIT":
                break

    def reply(self, verb: str, line: str) -> str:
        if self.verb and line.upper().startswith(self.verb):
            return self.answer
        if verb == "EHLO":
            offers = self.offers_over_tls if self.encrypted[-1] else self.offers
            return f"250-test\r\n250 {offers}" if offers else "250 test"
        return REPLIES.get(verb, "250 ok")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MailServer"]:
        async with serving(self.serve) as self.port:
            yield self


def mailed(
    server: MailServer, recipient: str = "ops@example.com", login: Login | None = None
) -> Undelivered | None:
    """Send a mail; why it did not arrive."""

    async def main() -> None:
        async with server.running():
            channel = Mail("127.0.0.1", server.port, "rank@example.com", recipient, login)
            await channel.send(NOTICE)

    try:
        asyncio.run(asyncio.wait_for(main(), 30))
    except Undelivered as error:
        return error
    return None


def test_a_mail_arrives() -> None:
    server = MailServer()
    assert mailed(server) is None
    (raw,) = server.mails
    message = email.message_from_bytes(raw[:-5], policy=email.policy.default)
    assert message["Subject"] == "StockRank: refresh_failed firing (warning)"
    assert (message["From"], message["To"]) == ("rank@example.com", "ops@example.com")
    assert parsedate_to_datetime(message["Date"]).date() == datetime.now(UTC).date()
    assert re.fullmatch(r"<\S+@\S+>", message["Message-ID"])
    assert message.get_content().strip() == "Ängsvik lacks prices"
    assert not any(line.startswith(("STARTTLS", "AUTH")) for line in server.commands)


def test_a_mail_to_several() -> None:
    server = MailServer()
    assert mailed(server, "ops@example.com, Nils <nils@example.com>") is None
    assert [line.split("<")[1] for line in server.commands if line.startswith("rcpt")] == [
        "ops@example.com>", "nils@example.com>",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("server", "told", "again"),
    [
        (MailServer("RCPT", "550 no such user"), "ops@example.com: 550 no such user", False),
        (MailServer("RCPT", "451 greylisted"), "ops@example.com: 451 greylisted", True),
        (MailServer("MAIL", "552 too much"), "552 too much", False),
        (MailServer("DATA", "451 later"), "451 later", True),
        (MailServer("MAIL", "421 closing"), "421 closing", True),
    ],
)
def test_what_a_mail_server_refuses(server: MailServer, told: str, again: bool) -> None:
    error = mailed(server)
    assert error
    assert str(error) == f"127.0.0.1:{server.port}: {told}"
    assert error.again is again


def test_one_of_several_recipients_is_refused_and_the_others_get_no_second_mail() -> None:
    server = MailServer("RCPT TO:<NILS", "550 unknown")
    error = mailed(server, "ops@example.com, nils@example.com")
    assert error
    assert "nils@example.com: 550 unknown" in str(error)
    assert not error.again
    assert len(server.mails) == 1


def test_a_password_is_not_sent_in_the_clear() -> None:
    server = MailServer(offers="AUTH PLAIN LOGIN")
    error = mailed(server, login=Login("rank", "hush"))
    assert error
    assert str(error).endswith(
        "STARTTLS extension not supported by server. A password is sent over STARTTLS only: set "
        "smtp_port to the port that offers it, often 587, or, if the server asks for no password, "
        "leave smtp_user and smtp_password out"
    )
    assert not error.again
    secret = base64.b64encode(b"\0rank\0hush").decode()
    assert not any("hush" in line or secret in line for line in server.commands)
    assert server.mails == []


def test_without_a_login_a_mail_is_encrypted_if_the_server_offers_it() -> None:
    server = MailServer(offers="STARTTLS")
    assert mailed(server) is None
    assert [line.split(" ")[0].lower() for line in server.commands] == [
        "ehlo", "starttls", "ehlo", "mail", "rcpt", "data", "quit",
    ]  # fmt: skip
    assert server.encrypted == [False, False, True, True, True, True, True]
    assert len(server.mails) == 1


def test_a_login_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    server = MailServer(offers="STARTTLS", offers_over_tls="AUTH PLAIN")
    assert mailed(server, login=Login("rank", "hush")) is None
    sent = dict(zip((line.split(" ")[0].lower() for line in server.commands), server.encrypted,
                    strict=True))  # fmt: skip
    assert sent["auth"]
    assert sent["data"]
    assert len(server.mails) == 1


def test_a_login_is_not_sent_to_a_certificate_that_nobody_vouches_for() -> None:
    server = MailServer(offers="STARTTLS")
    error = mailed(server, login=Login("rank", "hush"))
    assert error
    assert "certificate verify failed" in str(error)
    assert [line.split(" ")[0].lower() for line in server.commands] == ["ehlo", "starttls"]


def test_an_offer_that_is_not_kept_is_no_reason_to_send_in_the_clear() -> None:
    server = MailServer("STARTTLS", "454 not now", offers="STARTTLS")
    error = mailed(server)
    assert error
    assert str(error) == f"127.0.0.1:{server.port}: 454 not now"
    assert error.again
    assert server.mails == []


def test_a_login_begins_with_starttls() -> None:
    server = MailServer("STARTTLS", "454 not now", offers="STARTTLS")
    error = mailed(server, login=Login("rank", "hush"))
    assert error
    assert [line.split(" ")[0].lower() for line in server.commands][:2] == ["ehlo", "starttls"]
    assert not any("AUTH" in line for line in server.commands)
    assert "hush" not in repr(Login("rank", "hush"))


def test_a_mail_server_that_cannot_be_reached_may_be_later() -> None:
    with pytest.raises(Undelivered) as caught:
        asyncio.run(Mail("127.0.0.1", 1, "a@example.com", "b@example.com").send(NOTICE))
    assert str(caught.value).startswith("127.0.0.1:1: ")
    assert caught.value.again


@pytest.mark.parametrize("recipient", ["a@example.com\nBcc: b@example.com", "å\ud800@example.com"])
def test_a_recipient_that_cannot_be_written_is_told(recipient: str) -> None:
    error = mailed(MailServer(), recipient)
    assert error
    assert not error.again


# --------------------------------------------------------------------------------------- log


def test_the_log_has_the_level_and_the_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asyncio.run(Log().send(NOTICE))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == "refresh_failed firing (warning): Ängsvik lacks prices"
    assert record.fields == {"alert": NOTICE.title, "message": NOTICE.text}  # type: ignore[attr-defined]


# -------------------------------------------------------------------------------- configured


def names(**settings: Any) -> list[str]:
    return [channel.name for channel in configured_channels(Settings(**settings))]


def test_channels_are_those_that_are_set() -> None:
    assert names() == ["log"]
    assert names(webhook_url="https://example.com/x") == ["log", "webhook"]
    assert names(smtp_host="mail", smtp_to="ops@example.com") == ["log", "e-mail"]


def test_the_mail_channel_as_it_is_set() -> None:
    settings = Settings(
        smtp_host="mail", smtp_port=587, smtp_to="ops@example.com", smtp_from="me@example.com",
        smtp_user="rank", smtp_password=SecretStr("hush"),
    )  # fmt: skip
    assert configured_channels(settings)[1:] == [
        Mail("mail", 587, "me@example.com", "ops@example.com", Login("rank", "hush"))
    ]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"smtp_host": "mail"}, "smtp_host is set, but smtp_to is not"),
        ({"smtp_to": "ops@example.com"}, "smtp_to is set, but smtp_host is not"),
        ({"smtp_user": "rank", "smtp_password": "x"}, "smtp_user is set, but smtp_host is not"),
        ({"smtp_host": "mail", "smtp_to": "a@b", "smtp_user": "rank"},
         "smtp_user is set, but smtp_password is not"),
        ({"webhook_url": "ftp://example.com/secret"}, "does not begin with http://"),
        ({"webhook_url": "example.com/secret"}, "does not begin with http://"),
        ({"webhook_url": "https:///secret"}, "does not begin with http://"),
        ({"webhook_url": "https://example.com:port/secret"}, "webhook_url is no address"),
        ({"webhook_url": "https://user:hush/secret@example.com"}, "webhook_url is no address"),
        ({"webhook_url": "hush:secret"}, "does not begin with http://"),
    ],
)  # fmt: skip
def test_a_channel_that_is_half_set_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        names(**settings)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_the_trial_alert_names_the_lake_and_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.watch.alerts.gethostname", lambda: "nas")
    assert trial_alert(tmp_path).notice().text == (
        f"this is a test of the alert channels of {tmp_path} on nas"
    )
