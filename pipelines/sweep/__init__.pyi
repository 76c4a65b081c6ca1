# How many processes of this machine are worth it.
# The rankings of many dates as files by year.
from .history import write_history as write_history
from .machine import fitting as fitting

# Who computes blocks: processes that are spawned, or this one.
from .processes import spawned as spawned

# The ranks of backtests, computed by any driver.
from .ranks import Ranking as Ranking

# What runs tasks, and what became of a sweep.
from .run import Driver as Driver
from .run import Swept as Swept
from .run import here as here
