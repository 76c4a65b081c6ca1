# A portfolio: a strategy that is followed in some months, by some rules.
from .portfolio import Portfolio as Portfolio

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
