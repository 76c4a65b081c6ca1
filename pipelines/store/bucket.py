"""An object store by its address: bytes by name, and every failure as a `RemoteError`.

`obstore` speaks to S3, Google Cloud Storage, Azure and folders. Credentials come from the variables
that are usual for each, such as `AWS_ACCESS_KEY_ID`; they are never shown.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from pipelines.errors import RemoteError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SECONDS: Final = 5.0
"""The longest wait for an answer. It is tried twice, so that an error comes after twice as long."""
PIECE: Final = 4 << 20
"""Bytes that a request transfers, so that a slow line is not taken for a silent store."""
SCHEMES: Final = ("s3", "gs", "az", "file")
REFUSED: Final = re.compile(
    r"status 40[13]\b|AccessDenied|Forbidden|InvalidAccessKeyId|Unauthorized"
)
HOSTS_OF_CREDENTIALS: Final = ("169.254.169.254", "metadata.google")
"""Asked by the library where no credentials are set."""
NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
REMEDIES: Final = {
    r"error sending request|timed out": (
        "the store does not answer; check the address, the network and the store"
    ),
    r"range was invalid|status 416\b": (
        "an object is shorter than what was written; where it was pushed, "
        "run python -m pipelines.remote push --force"
    ),
}
"""What is wrong and what to do, by the words of an error that has no other cause."""


class Entry(NamedTuple):
    """An object in a store."""

    name: str
    bytes: int
    modified: datetime


class Bucket:
    """A folder of an object store: `s3://bucket/folder`, `gs://…`, `az://…` or `file:///folder`.

    `RemoteError` for any other address, without the library, and in place of every failure. With
    `make`, the folder of a `file://` address is made; else it must be there.
    """

    def __init__(self, url: str, *, seconds: float = SECONDS, make: bool = False) -> None:
        self.url: Final = _checked(url)
        with self._told():
            self._store: Final = _opened(url, seconds, make=make)

    def __repr__(self) -> str:
        return self.url

    def names(self, prefix: str) -> list[Entry]:
        """Return the objects below a prefix, by name; none if there is nothing."""
        from obstore import list as list_objects  # noqa: PLC0415 - an extra

        with self._told():
            found = [one for many in list_objects(self._store, prefix) for one in many]
        entries = (Entry(str(m["path"]), m["size"], m["last_modified"]) for m in found)
        return sorted(entries)

    def get(self, name: str) -> bytes:
        """Return an object; `RemoteError` if it is not there."""
        from obstore import get  # noqa: PLC0415 - an extra

        with self._told(name):
            return bytes(get(self._store, name).bytes())

    def part(self, name: str, start: int, size: int) -> bytes:
        """Return so many bytes of an object, fewer if it ends among them; they come in pieces.

        The memory it takes is that of the bytes.
        """
        from obstore import get_range  # noqa: PLC0415 - an extra

        end = start + size
        with self._told(name):
            return b"".join(
                bytes(get_range(self._store, name, start=at, end=min(at + PIECE, end)))
                for at in range(start, end, PIECE)
            )

    def find(self, name: str) -> bytes | None:
        """Return an object; None if it is not there."""
        from obstore import get  # noqa: PLC0415 - an extra

        with self._told(name):
            try:
                return bytes(get(self._store, name).bytes())
            except FileNotFoundError:
                return None

    def put(self, name: str, content: bytes) -> None:
        """Write an object, in place of one that is there."""
        from obstore import put  # noqa: PLC0415 - an extra

        with self._told(name):
            put(self._store, name, content, chunk_size=PIECE + (1 << 20))

    def create(self, name: str, content: bytes) -> bool:
        """Write an object, unless there is one of this name; return True if it was written."""
        from obstore import put  # noqa: PLC0415 - an extra
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415

        with self._told(name):
            try:
                put(self._store, name, content, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are gone are passed over."""
        from obstore import delete  # noqa: PLC0415 - an extra

        for name in names:
            with self._told(name):
                try:
                    delete(self._store, name)
                except FileNotFoundError:
                    continue

    @contextmanager
    def _told(self, name: str | None = None) -> Iterator[None]:
        """Raise `RemoteError` in place of an error of the library, whose own tree is no OSError."""
        try:
            yield
        except ImportError:
            raise RemoteError(
                f"{self.url}: obstore is not installed; run pip install 'stockrank[s3]'"
            ) from None
        except RemoteError:
            raise
        except Exception as error:
            if not _is_of_store(error):
                raise
            raise RemoteError(f"{self.url}: {_why(error, name)}") from None


def _checked(url: str) -> str:
    """Return an address that can be opened and shown; else `RemoteError`."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise RemoteError(
            f"{url.split('?', maxsplit=1)[0]!r} is no object store; begin with one of {known}"
        )
    if "@" in parts.netloc or parts.query:
        raise RemoteError(
            f"an address of a store holds no credentials; name {parts.scheme}://BUCKET/FOLDER, and "
            "set them as variables, such as AWS_ACCESS_KEY_ID"
        )
    if parts.scheme == "file" and (parts.netloc or not parts.path.strip("/")):
        raise RemoteError(f"{url!r} names no folder; write file:///folder")
    if parts.scheme != "file" and not parts.netloc:
        raise RemoteError(f"{url!r} names no bucket; write {parts.scheme}://BUCKET/FOLDER")
    return url.rstrip("/")


def _opened(url: str, seconds: float, *, make: bool) -> "ObjectStore":
    from obstore.store import from_url  # noqa: PLC0415 - an extra

    if url.startswith("file:"):
        return from_url(url, mkdir=make)
    wait = timedelta(seconds=seconds)
    config: dict[str, Any] = {}
    if url.startswith("s3:") and not _region():
        config["aws_region"] = "us-east-1"  # without one, the library asks a service of Amazon's
    return from_url(  # type: ignore[call-overload,no-any-return] # a config of any of the stores
        url, config=config,
        client_options={"timeout": wait, "connect_timeout": wait, "allow_http": _is_plain()},
        retry_config={"max_retries": 1, "retry_timeout": wait * 2},
    )  # fmt: skip


def _region() -> str | None:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def _is_plain() -> bool:
    """Return True if the address of the server, where one is set, is one without TLS."""
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT")
    return any(os.environ.get(name, "").startswith("http://") for name in names)


def _is_of_store(error: Exception) -> bool:
    from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

    return isinstance(error, BaseError | OSError | ValueError)


def _why(error: Exception, name: str | None) -> str:
    """Return what a store said in a few words and what to do, without addresses and secrets."""
    whole = str(error)
    text = re.sub(r"https?://\S+", "…", whole)  # digits of an address are no status
    if any(word in text for word in NO_BUCKET):
        return "there is no such bucket; make it, or name another"
    if REFUSED.search(text) or "Permission" in type(error).__name__:
        return "the store refuses the credentials; check them and what they permit"
    if "credential" in text.lower() or any(host in whole for host in HOSTS_OF_CREDENTIALS):
        return "no credentials are set; set those of the store, such as AWS_ACCESS_KEY_ID"
    if isinstance(error, FileNotFoundError) or "Unable to canonicalize" in text:
        return f"{name or 'the folder'} is not there"
    told = (remedy for words, remedy in REMEDIES.items() if re.search(words, text))
    line = text.partition("\n")[0]
    return next(told, f"the store failed: {line[:200]}; try again")
