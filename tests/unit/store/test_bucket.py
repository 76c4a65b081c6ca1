"""The words for what a store answered."""

import pytest

from pipelines.store.bucket import _why

ADDRESS = "http://127.0.0.1:40367/stocks/objects/40/4403f401"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"error sending request for url ({ADDRESS})", "the store does not answer"),
        (f"Client error with status 403 Forbidden for {ADDRESS}", "refuses the credentials"),
        (f"Client error with status 401: for {ADDRESS}", "refuses the credentials"),
        ("<Code>AccessDenied</Code>", "refuses the credentials"),
        ("GET http://169.254.169.254/latest/api/token", "no credentials are set"),
        ("<Code>NoSuchBucket</Code>", "there is no such bucket"),
        ("Client error with status 416 Range Not Satisfiable", "shorter than what was written"),
        ("Object at location objects/40/4403f403 changed", "the store failed: Object at"),
    ],
)
def test_digits_of_an_address_or_a_hash_are_no_status(said: str, told: str) -> None:
    assert told in _why(ValueError(said), None)
