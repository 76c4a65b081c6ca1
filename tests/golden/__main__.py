"""Write the rankings that the tests expect of the demo market: python -m tests.golden."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines.demo import make_market
from pipelines.export import export
from pipelines.lake import Lake
from pipelines.universe import SWEDEN
from tests.e2e.test_export import GOLDEN, golden_text

with TemporaryDirectory() as folder:
    top = Path(folder)
    make_market(top / "demo.db", stocks=120, years=4)
    export(top / "demo.db", top / "lake", SWEDEN)
    GOLDEN.write_text(golden_text(Lake(top / "lake")))
