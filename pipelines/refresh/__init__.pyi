from . import build as build
from . import checks as checks
from . import report as report
from . import verify as verify
from .contract import is_made_alike as is_made_alike
from .report import WINDOW as WINDOW
from .staging import Build as Build
from .waiting import due_days as due_days
