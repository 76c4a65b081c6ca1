"""Which small files lie together, and which packs a publication names again."""

import pytest

from pipelines.store import packs
from pipelines.store.packs import Local, Pack, loads, named_again, packed

A, B, C = (Local(name, f"hash of {name}", 3) for name in "abc")


def test_small_files_go_together_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "SMALL", 4)
    monkeypatch.setattr(packs, "LARGEST", 6)
    large = Local("large", "hash", 4)
    assert list(loads([A, large, B, C])) == [[large], [A, B], [C]]
    assert list(loads([])) == []


def test_a_file_of_a_pack_lies_where_the_one_before_ends() -> None:
    pack = Pack.of({"x": 3, "y": 2, "z": 4})
    assert pack == Pack(9, {"x": (0, 3), "y": (3, 2), "z": (5, 4)})
    assert packed({"p": pack})["z"] == ("p", (5, 4))


def test_a_pack_is_named_again_while_half_of_it_is_needed() -> None:
    half, less = Pack.of({"x": 3, "y": 3}), Pack.of({"x": 3, "y": 4})
    assert named_again({"half": half, "less": less}, {"x"}) == {"half": Pack(6, {"x": (0, 3)})}


def test_what_is_needed_no_more_counts_when_it_is_asked_again() -> None:
    once = named_again({"p": Pack.of({"x": 3, "y": 3, "z": 2})}, {"x", "z"})
    assert once == {"p": Pack(8, {"x": (0, 3), "z": (6, 2)})}
    assert named_again(once, {"x"}) == {}
