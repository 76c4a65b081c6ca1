from . import build as build
from . import checks as checks
from . import report as report
from . import verify as verify
from .report import WINDOW as WINDOW
from .staging import Build as Build
