# A backtest as values of JSON.
from .as_json import as_json as as_json

# What strategies would have earned, and the result of one.
from .backtest import Backtest as Backtest
from .backtest import backtests as backtests

# What a backtest is of.
from .inputs import Inputs as Inputs

# A growth as people read it.
from .page import times as times

# A portfolio: a strategy that is followed in some months, by some rules.
from .portfolio import Portfolio as Portfolio

# Backtests as a page of HTML, and a figure as people read it.
from .report import report as report
from .report import shown as shown

# When a portfolio is rebalanced, how it is weighted, at which price it trades.
from .rules import Calendar as Calendar
from .rules import Fill as Fill

# The size, the band, the weights and the costs of a portfolio.
from .rules import Rules as Rules
from .rules import Weighting as Weighting

# What becomes of portfolios that follow ranks.
from .simulation import Prices as Prices
from .simulation import Simulation as Simulation
from .simulation import simulate as simulate
