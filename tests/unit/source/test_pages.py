"""Pages of a SQLite file, by its documented format."""

import pytest

from pipelines.source import pages


@pytest.mark.parametrize(("key", "last"), [(b"\x05", 5), (b"\x81\x00", 128), (b"\x85", None)])
def test_a_rowid_that_is_cut_off_by_the_end_of_its_page_is_malformed(
    key: bytes, last: int | None
) -> None:
    at = 512 - len(key) - 4
    cells = b"\x05\x00\x00\x00\x01" + at.to_bytes(2) + b"\x00" + (7).to_bytes(4) + at.to_bytes(2)
    page = cells + bytes(at - len(cells)) + (9).to_bytes(4) + key
    if last is None:
        with pytest.raises(IndexError):
            pages.children(page, 2, 1000)
        return
    below = pages.children(page, 2, 1000)
    assert (below.pages.tolist(), below.last.tolist()) == ([9, 7], [last, 1000])
