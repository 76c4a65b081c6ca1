# The rankings of many dates as files by year.
from .history import write_history as write_history
