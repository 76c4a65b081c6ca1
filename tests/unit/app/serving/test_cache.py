"""The cache holds what was used last, and no more than there is room for."""

from app.serving.cache import BYTES, ENTRY, Cache


def test_what_was_used_last_stays() -> None:
    cache = Cache(3 * ENTRY + 30)
    for name in "abc":
        cache.put(name, name.upper(), 10)
    assert cache.get("a") == "A"
    cache.put("d", "D", 10)
    assert [cache.get(name) for name in "abcd"] == ["A", None, "C", "D"]
    assert cache.stats() == {"hits": 4, "misses": 1, "entries": 3, "bytes": 30}


def test_a_value_larger_than_all_is_not_kept() -> None:
    cache = Cache(ENTRY + 10)
    cache.put("a", "A", 10)
    cache.put("b", "B", 11)
    assert (cache.get("a"), cache.get("b")) == ("A", None)


def test_values_of_no_size_are_not_kept_without_end() -> None:
    cache = Cache()
    for number in range(2 * BYTES // ENTRY):
        cache.put(number, b"", 0)
    assert cache.stats()["entries"] == BYTES // ENTRY
