"""The channels for notices: the log, a webhook, e-mail."""

import asyncio
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from pydantic import JsonValue

from app.watch.outbox import Channel, Notice, Undelivered
from pipelines.errors import SettingsError
from pipelines.settings import Settings

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 10.0
Refused = dict[str, tuple[int, bytes]]
"""The answer of the mail server for each recipient that was refused."""


class Log:
    """The log of the service, which is always a channel."""

    name: Final = "log"

    async def send(self, notice: Notice) -> None:
        """Log the notice with its data as fields."""
        fields = {"alert": notice.title, "message": notice.text}
        logger.log(notice.level, "%s: %s", notice.title, notice.text, extra={"fields": fields})


class Webhook:
    """Posts the data as JSON, with a `text` that chat programs show.

    The address may hold a secret, so messages name its host only.
    """

    name: Final = "webhook"

    def __init__(self, url: str) -> None:
        import httpx2  # noqa: PLC0415 - 7 MB, only with a webhook

        self._httpx: Final = httpx2
        try:
            self._url: Final = httpx2.URL(url)
        except httpx2.InvalidURL:
            # The error quotes a part of the address.
            raise SettingsError(
                "setting webhook_url is no address; write it as https://host/path"
            ) from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise SettingsError(
                "setting webhook_url does not begin with http:// or https:// and a host; "
                "write it as https://host/path"
            )
        # It logs every address in full.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        # Made once, because it reads all trusted certificates.
        self._tls: Final = httpx2.create_ssl_context()

    async def send(self, notice: Notice) -> None:
        """Post once; a refusal by the receiver is final, unless it is 429 (too many requests)."""
        body = {**notice.data, "text": f"{notice.title}: {notice.text}"}
        try:
            status = await self._post(body)
        except (self._httpx.HTTPError, TimeoutError) as error:
            why = str(error) or f"no answer in {TIMEOUT_SECONDS:g} s"
            raise Undelivered(f"{self._url.host} cannot be reached: {why}", again=True) from None
        if not 200 <= status < 300:
            again = status >= 500 or status == 429
            raise Undelivered(f"{self._url.host} answered {status}", again=again)

    async def _post(self, body: dict[str, JsonValue]) -> int:
        """Post, and return the status of the answer; its body is not read."""
        async with (
            asyncio.timeout(TIMEOUT_SECONDS),
            self._httpx.AsyncClient(timeout=TIMEOUT_SECONDS, verify=self._tls) as client,
            client.stream("POST", self._url, json=body) as answer,
        ):
            return answer.status_code


@dataclass(frozen=True)
class Login:
    """A user of a mail server and the password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """Sends a mail by SMTP, over STARTTLS where the server offers it.

    A login is sent only over STARTTLS and to a valid certificate. Without one any certificate will
    do: whoever could put a false one in the way could also take away the offer.
    """

    host: str
    port: int
    sender: str
    recipient: str
    login: Login | None = None
    name: str = "e-mail"

    async def send(self, notice: Notice) -> None:
        """Hand the mail to the server, in a thread; a permanent refusal is final."""
        try:
            refused = await asyncio.to_thread(self._hand_over, self._message(notice))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            why, again = _refusal(error)
            raise Undelivered(f"{self.host}:{self.port}: {why}", again=again) from None
        if refused:
            # Not sent again, because the others have it.
            raise Undelivered(f"{self.host}:{self.port}: {_answers(refused)}")

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"StockRank: {notice.title}"
        message["From"], message["To"] = self.sender, self.recipient
        message["Date"], message["Message-ID"] = formatdate(), make_msgid()
        message.set_content(notice.text + "\n")
        return message

    def _hand_over(self, message: EmailMessage) -> Refused:
        """Send the mail, and return the recipients that were refused; an error if all were."""
        with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS) as server:
            server.ehlo_or_helo_if_needed()
            if self.login:
                server.starttls(context=ssl.create_default_context())
                server.login(self.login.user, self.login.password)
            elif server.has_extn("starttls"):
                server.starttls(context=_any_certificate())
            return server.send_message(message)


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _refusal(error: Exception) -> tuple[str, bool]:
    """The words of a mail server that refused a mail, and whether a later try may succeed."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        return _answers(error.recipients), max(codes, default=0) < 500
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}", error.smtp_code < 500
    final = isinstance(error, ValueError | smtplib.SMTPNotSupportedError)
    told = str(error) or type(error).__name__
    return told + NO_STARTTLS * told.startswith("STARTTLS"), not final


NO_STARTTLS: Final = (
    " A password is sent over STARTTLS only: set smtp_port to the port that offers it, often 587, "
    "or, if the server asks for no password, leave smtp_user and smtp_password out"
)
"""What to do about a server that does not offer STARTTLS."""


def _answers(refused: Refused) -> str:
    return "; ".join(f"{who}: {code} {_text(said)}" for who, (code, said) in refused.items())


def _text(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def configured_channels(settings: Settings) -> list[Channel]:
    """The channels of the settings, the log first; `SettingsError` for one that is half set."""
    channels: list[Channel] = [Log()]
    if settings.webhook_url:
        channels.append(Webhook(settings.webhook_url.get_secret_value()))
    for name, other in (("smtp_host", "smtp_to"), ("smtp_to", "smtp_host"),
                        ("smtp_user", "smtp_password"), ("smtp_user", "smtp_host")):  # fmt: skip
        if getattr(settings, name) and not getattr(settings, other):
            raise SettingsError(f"{name} is set, but {other} is not; set both, or neither")
    if settings.smtp_host and settings.smtp_to:
        channels.append(
            Mail(settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_to,
                 _login(settings))
        )  # fmt: skip
    return channels


def _login(settings: Settings) -> Login | None:
    if not settings.smtp_user or settings.smtp_password is None:
        return None
    return Login(settings.smtp_user, settings.smtp_password.get_secret_value())
