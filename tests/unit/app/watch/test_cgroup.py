"""The limits and the usage of control groups, from the files of the kernel."""

from pathlib import Path

import pytest

from app.watch.memory import effective_limit_mb
from pipelines import cgroup
from tests.unit.app.watch.machine import write

FACTOR = 1.048576
"""A mebibyte in MB."""


def membership(root: Path, *lines: str) -> Path:
    path = root.parent / "membership"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


MIB = 2**20


def test_the_limit_of_version_2(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    assert effective_limit_mb(None, root, membership(root, "0::/")) == pytest.approx(512 * FACTOR)


def test_the_smallest_limit_up_the_tree_of_version_2(root: Path) -> None:
    write(root, cgroup__controllers="memory")
    write(root / "pod", memory__max=300 * MIB)
    write(root / "pod" / "slice", memory__max="max")
    write(root / "pod" / "slice" / "own", memory__max=400 * MIB)
    write(root / "other", memory__max=1 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/pod/slice/own"))
    assert found
    assert found.path == root / "pod"
    assert found.limit_mb == pytest.approx(300 * FACTOR)


@pytest.mark.parametrize("own", ["/docker/1234", "/", "/../../elsewhere"])
def test_the_limit_of_version_1_also_where_only_the_own_group_is_mounted(
    root: Path, own: str
) -> None:
    write(root / "memory", memory__limit_in_bytes=256 * MIB)
    lines = ("5:cpu,cpuacct:/x", f"4:memory:{own}", "0::/")
    assert effective_limit_mb(None, root, membership(root, *lines)) == pytest.approx(256 * FACTOR)


def test_a_group_outside_of_what_is_mounted_is_not_looked_for(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    write(root.parent, memory__max=1 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/../elsewhere"))
    assert found
    assert found.path == root


def test_the_own_group_of_version_1(root: Path) -> None:
    write(root / "memory", memory__limit_in_bytes=0x7FFF_FFFF_FFFF_F000)
    write(root / "memory" / "docker", memory__limit_in_bytes=600 * MIB)
    lines = ("4:hugetlb,memory:/docker", "0::/")
    assert effective_limit_mb(None, root, membership(root, *lines)) == pytest.approx(600 * FACTOR)


def test_version_2_wins_over_version_1(root: Path) -> None:
    write(root, memory__max=512 * MIB)
    write(root / "memory", memory__limit_in_bytes=256 * MIB)
    found = cgroup.limiting(root, membership(root, "4:memory:/", "0::/"))
    assert found
    assert found.path == root


@pytest.mark.parametrize("limit", ["max", "", "0", "not a number"])
def test_no_limit_in_version_2(root: Path, limit: str) -> None:
    write(root, memory__max=limit)
    assert effective_limit_mb(None, root, membership(root, "0::/")) == 1024


def test_no_limit_without_any_file(root: Path) -> None:
    assert effective_limit_mb(None, root, root / "membership") == 1024
    assert effective_limit_mb(None, root / "absent", root / "membership") == 1024


def test_no_limit_in_version_1(root: Path) -> None:
    write(root / "memory", memory__limit_in_bytes=0x7FFF_FFFF_FFFF_F000)
    assert effective_limit_mb(None, root, membership(root, "4:memory:/")) == 1024


def test_the_setting_counts_unless_the_group_allows_less(root: Path) -> None:
    lines = membership(root, "0::/")
    assert effective_limit_mb(2000, root, lines) == 2000
    write(root, memory__max=1000 * MIB)
    assert effective_limit_mb(300, root, lines) == 300
    assert effective_limit_mb(2000, root, lines) == pytest.approx(1000 * FACTOR)


def test_cached_files_do_not_count_as_used(root: Path) -> None:
    stat = f"anon {60 * MIB}\nactive_file {20 * MIB}\ninactive_file {100 * MIB}\nslab 5"
    write(root, memory__max=200 * MIB, memory__current=190 * MIB, memory__stat=stat)
    found = cgroup.limiting(root, membership(root, "0::/"))
    assert found
    assert found.used_mb() == pytest.approx(70 * FACTOR)


def test_cached_files_of_groups_below_do_not_count_in_version_1(root: Path) -> None:
    stat = f"inactive_file {1 * MIB}\ntotal_inactive_file {90 * MIB}\ntotal_active_file {20 * MIB}"
    write(root / "memory", memory__limit_in_bytes=200 * MIB, memory__usage_in_bytes=190 * MIB,
          memory__stat=stat)  # fmt: skip
    found = cgroup.limiting(root, membership(root, "4:memory:/"))
    assert found
    assert found.used_mb() == pytest.approx(80 * FACTOR)


def test_usage_without_statistics_and_without_itself(root: Path) -> None:
    write(root, memory__max=200 * MIB, memory__current=50 * MIB)
    found = cgroup.limiting(root, membership(root, "0::/"))
    assert found
    assert found.used_mb() == pytest.approx(50 * FACTOR)
    (root / "memory.current").unlink()
    assert found.used_mb() is None
