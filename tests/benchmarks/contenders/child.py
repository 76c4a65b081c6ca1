"""One contender in a process of its own: what it took goes to stdout, its answer to a file.

    python -m tests.benchmarks.contenders.child NAME TASK [FILE]

The contender's module imports all that it uses, before the clock starts; `late` names what was
imported after all. Peak memory is taken before the answer is written.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

from pipelines.runtime import peak_mb, resident_mb
from tests.benchmarks.contenders.task import Task


def main(name: str, task: str, *files: str) -> None:
    given = Task.from_json(task)
    contender = import_module(f"tests.benchmarks.contenders.{name}")
    before, idle = set(sys.modules), resident_mb()
    start, used = time.perf_counter(), time.process_time()
    answer = contender.run(given)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    found = {"seconds": seconds, "cpu_seconds": used, "idle_mb": idle, "peak_mb": peak_mb(),
             "late": sorted(set(sys.modules) - before)}  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")
    for file in files:
        contender.save(answer, Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
