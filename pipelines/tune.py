"""`python -m pipelines.tune`: show what makes the source database quicker to read, and do it."""

if __name__ == "__main__":
    from pipelines.runtime import stop_at_once

    stop_at_once()

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from pipelines import console
from pipelines.errors import SourceError
from pipelines.place import Postgres, place
from pipelines.settings import Settings
from pipelines.source import tuning
from pipelines.terminal_table import Column, Table


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


ADVICE_COLUMNS: Final = (
    Column("what", wraps=True), Column("is", wraps=True),
    Column("recommended", wraps=True), Column("kept in", extra=2, wraps=True),
    Column("why", extra=1, wraps=True),
)  # fmt: skip
CHANGE_COLUMNS: Final = (
    Column("what", wraps=True), Column("was", wraps=True),
    Column("is", wraps=True), Column("kept in", extra=1, wraps=True),
)  # fmt: skip


def _settings(setup: tuning.Setup) -> list[Setting]:
    cache, temp = setup.defaults["cache_size"], TEMP_STORES[setup.defaults["temp_store"]]
    return [
        Setting("journal_mode", setup.journal_mode, "wal", "the file",
                "readers and the writer do not wait for each other; local disks only"),
        *(Setting(f"index on {index.table} ({', '.join(index.columns)})", _known(index.name, name),
                  _known(index.name, name) if name else "make it", "the file", index.why)
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


def _known(ours: str, name: str | None) -> str:
    """Return how an index is there; its name where it is not the one that we make."""
    return "as recommended" if name == ours else name or "none"


def advice(setup: tuning.Setup, plans: tuning.Plans) -> list[Table]:
    """Return tables of the present and the recommended settings, and of the plans with each."""
    rows = [(s.what, s.value, s.advice, s.kept, s.why) for s in _settings(setup)]
    sizes = ", ".join(f"{name} {_mb(size)} MB" for name, size in setup.sizes.items())
    return [
        Table(sizes, ADVICE_COLUMNS, rows),
        _plan_table("query plans, as they would become", setup.plans, plans),
    ]


def changes(before: tuning.Setup, after: tuning.Setup) -> list[Table]:
    """Return tables of the settings, the plans and the sizes of the files, before and after."""
    pairs = zip(_settings(before), _settings(after), strict=True)
    names = dict.fromkeys([*before.sizes, *after.sizes])
    sizes = [(n, _mb(before.sizes.get(n, 0)), _mb(after.sizes.get(n, 0))) for n in names]
    return [
        Table("settings", CHANGE_COLUMNS,
                      [(was.what, was.value, now.value, was.kept) for was, now in pairs]),
        _plan_table("query plans", before.plans, after.plans),
        Table("files", ("file", "MB before", "MB after"), sizes),
    ]  # fmt: skip


def _plan_table(title: str, before: tuning.Plans, after: tuning.Plans) -> Table:
    columns = (Column("query", wraps=True), "when", Column("plan", wraps=True))
    rows = [
        row for query, plan in before.items() for row in _plans(query.title, plan, after[query])
    ]
    return Table(title, columns, rows)


def _plans(query: str, before: str, after: str) -> list[tuple[str, str, str]]:
    if before == after:
        return [(query, "both", before)]
    return [(query, "before", before), ("", "after", after)]


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


HINT: Final = (
    "cache_size and temp_store are not kept in the file, and --apply does not set them for others:"
    " an application sets them on each connection that it opens, with",
    *(f"  {pragma};" for pragma in tuning.CONNECTION_PRAGMAS),
    "",
)


def _write_hint() -> None:
    for line in HINT:
        console.write(line)


# ----------------------------------------------------------------------------------- command


def main(
    *,
    source: Annotated[
        str | None, typer.Option(help="SQLite database.", metavar="PATH", show_default=False)
    ] = None,
    do_apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
) -> None:
    """Show how to make the database quicker to read, and with --apply do it; rows stay as they are.

    Example: python -m pipelines.tune --source data/demo.db --apply
    """
    settings = Settings.load(config)
    path = place(source) if source else settings.source
    if isinstance(path, Postgres):
        raise SourceError(f"{path} is in PostgreSQL; this command tunes SQLite databases")
    before = tuning.inspect(path)
    if not do_apply:
        console.show(*advice(before, tuning.expected_plans(path)))
        _write_hint()
        console.write("nothing was changed; --apply sets what is kept in the file")
        return
    tuning.apply(path)
    after = tuning.inspect(path)
    console.show(*changes(before, after))
    _write_hint()
    made = ", ".join(index.name for index in before.missing) or "none"
    console.write(
        f"journal mode {before.journal_mode} → {after.journal_mode}, indexes made: {made}"
    )


if __name__ == "__main__":
    console.run(main, option="--source")
