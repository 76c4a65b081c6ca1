# Workers of a Dask cluster, and such a cluster on this machine.
from .dask import on_cluster as on_cluster

# The rankings of many dates as files by year.
from .history import write_history as write_history
from .local import local_cluster as local_cluster

# How many processes of this machine are worth it, and how many processors it has.
from .machine import fitting as fitting
from .machine import processors as processors

# Who computes blocks: processes that are spawned, or this one.
from .processes import spawned as spawned

# The ranks of backtests, computed by any driver.
from .ranks import Ranking as Ranking

# What runs tasks, and this process as such.
from .run import Driver as Driver
from .run import here as here
