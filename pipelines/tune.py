"""`python -m pipelines.tune`: show what makes the source database quicker to read, and do it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.settings import Settings
from pipelines.source import tuning


@dataclass(frozen=True)
class Setting:
    """A setting: what it is, what it should be, where it is kept, and why it should be so."""

    what: str
    value: str
    wanted: str
    kept: str
    why: str

    @property
    def advice(self) -> str:
        """The value to set, or that it is right as it is."""
        return "as it is" if self.value == self.wanted else self.wanted


TEMP_STORES: Final = ("0 (default)", "1 (file)", "2 (memory)")


def _settings(setup: tuning.Setup) -> list[Setting]:
    cache, temp = setup.defaults["cache_size"], TEMP_STORES[setup.defaults["temp_store"]]
    return [
        Setting("journal_mode", setup.journal_mode, "wal", "the file",
                "readers and the writer do not wait for each other; local disks only"),
        *(Setting(f"index on {index.table} ({', '.join(index.columns)})", name or "none",
                  name or index.name, "the file", index.why)
          for index, name in setup.indexes.items()),
        Setting("statistics", f"of {setup.analysed} indexes" if setup.analysed else "none",
                "PRAGMA optimize", "the file",
                "SQLite decides if they pay, and reads at most "
                f"{tuning.ANALYSED_ROWS:,} rows an index"),
        Setting("cache_size", f"{cache}", f"{-tuning.CACHE_KIB} (64 MiB)", "each connection",
                "pages that are read twice come from memory; below zero it is KiB"),
        Setting("temp_store", temp, TEMP_STORES[2], "each connection",
                "sorts without an index do not go to the disk"),
    ]  # fmt: skip


def advice(setup: tuning.Setup, plans: tuning.Plans) -> list[console.Table]:
    """Return tables of the present and the recommended settings, and of the plans with each."""
    rows = [(s.what, s.value, s.advice, s.kept, s.why) for s in _settings(setup)]
    sizes = ", ".join(f"{name} {_mb(size)} MB" for name, size in setup.sizes.items())
    return [
        console.Table(sizes, ("what", "is", "recommended", "kept in", "why"), rows),
        _plan_table("query plans, as they would become", setup.plans, plans),
    ]


def changes(before: tuning.Setup, after: tuning.Setup) -> list[console.Table]:
    """Return tables of the settings, the plans and the sizes of the files, before and after."""
    pairs = zip(_settings(before), _settings(after), strict=True)
    names = dict.fromkeys([*before.sizes, *after.sizes])
    sizes = [(n, _mb(before.sizes.get(n, 0)), _mb(after.sizes.get(n, 0))) for n in names]
    return [
        console.Table("settings", ("what", "was", "is", "kept in"),
                      [(was.what, was.value, now.value, was.kept) for was, now in pairs]),
        _plan_table("query plans", before.plans, after.plans),
        console.Table("files", ("file", "MB before", "MB after"), sizes),
    ]  # fmt: skip


def _plan_table(title: str, before: tuning.Plans, after: tuning.Plans) -> console.Table:
    rows = [
        (q.title, plan, "the same" if after[q] == plan else after[q]) for q, plan in before.items()
    ]
    return console.Table(title, ("query", "before", "after"), rows)


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


HINT: Final = (
    "cache_size and temp_store are not kept in the file, and --apply does not set them for others:"
    " an application sets them on each connection that it opens, with\n"
    + "".join(f"  {pragma};\n" for pragma in tuning.CONNECTION_PRAGMAS)
)


# ----------------------------------------------------------------------------------- command


def main(
    *,
    source: Annotated[Path | None, typer.Option(help="SQLite database.", readable=False)] = None,
    do_apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Show how to make the database quicker to read, and with --apply do it; rows stay as they are.

    Example: python -m pipelines.tune --source data/demo.db --apply
    """
    path = source or Settings.load(config).source
    before = tuning.inspect(path)
    if not do_apply:
        console.show(*advice(before, tuning.expected_plans(path)))
        console.write(HINT)
        console.write("nothing was changed; --apply sets what is kept in the file")
        return
    tuning.apply(path)
    after = tuning.inspect(path)
    console.show(*changes(before, after))
    console.write(HINT)
    made = ", ".join(index.name for index in before.missing) or "none"
    console.write(
        f"journal mode {before.journal_mode} → {after.journal_mode}, indexes made: {made}"
    )


if __name__ == "__main__":
    console.run(main)
