# The backtest of a strategy in short, where it is computed already.
from .curves import known_curve as known_curve

# The outcome of a refresh that found nothing new.
from .job import NOTHING_NEW as NOTHING_NEW

# A refresh and everything that is known of it.
from .job import Job as Job

# The text of an error without the folders in its paths.
from .outcome import without_paths as without_paths

# Starts refreshes one at a time, follows them, and remembers those that ended.
from .refresh import Refresher as Refresher

# The error where a refresh is running already.
from .refresh import Running as Running

# Keeps the lake and its object store alike.
from .remote import Remote as Remote

# Computes backtests and reports in processes of their own.
from .research import Research as Research
from .research import standard as standard

# The daily refresh by the clock.
from .schedule import Schedule as Schedule
