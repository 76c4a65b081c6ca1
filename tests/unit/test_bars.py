"""The bars of a command: rows that are done, and a step that counts none while it goes on."""

from io import StringIO

from rich.console import Console
from rich.progress import Progress as Bars

from pipelines import bars
from pipelines.bars import STEP
from pipelines.lake import Phase
from pipelines.refresh.clock import Clock
from tests.factories import dataset


def test_a_step_is_shown_until_the_next_one() -> None:
    shown = Bars(console=Console(file=StringIO()))
    progress = bars._drawn(shown)  # noqa: SLF001
    progress("daily_prices", 10, 10)
    progress("prices", 0, STEP)
    progress("rankings", 0, STEP)
    assert [(task.description, task.total) for task in shown.tasks] == [
        ("daily_prices", 10), ("now: rankings", None),
    ]  # fmt: skip


def test_a_bar_tells_the_time_that_is_left() -> None:
    now = [0.0]
    shown = Bars(console=Console(file=StringIO()), get_time=lambda: now[0], auto_refresh=False)
    progress = bars._drawn(shown)  # noqa: SLF001
    left = bars._Left()  # noqa: SLF001
    for seconds, done, told in ((0, 0, ""), (10, 2, ""), (20, 4, "0:00:30 left"),
                                (50, 10, "")):  # fmt: skip
        now[0] = seconds
        progress("dates", done, 10)
        assert left.render(shown.tasks[0]).plain == told
    progress("sort", 0, STEP)
    assert left.render(shown.tasks[1]).plain == ""


def test_every_phase_of_a_refresh_begins_as_a_step() -> None:
    told: list[tuple[str, int, int]] = []
    clock = Clock(progress=lambda *step: told.append(step))
    with clock.phase("copy"):
        pass
    clock.making("prices", dataset)
    clock.begin("publish")
    assert told == [("copy", 0, STEP), ("prices", 0, STEP), ("publish", 0, STEP)]
    assert [phase.phase for phase in clock.phases] == ["copy", "prices"]
    assert isinstance(clock.phases[0], Phase)
