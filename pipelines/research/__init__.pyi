# An amount over the first stocks of a ranking, and amounts that come nearer to equal parts.
from .allocation import Allocation as Allocation
from .allocation import Part as Part
from .allocation import allocate as allocate
from .allocation import better_amounts as better_amounts
from .allocation import told_price as told_price

# A backtest as values of JSON.
from .as_json import as_json as as_json

# What strategies would have earned, and the result of one.
from .backtest import Backtest as Backtest
from .backtest import backtests as backtests

# The report of a factor, or of a strategy's score.
from .factor_report import FactorReport as FactorReport
from .factor_report import factor_report as factor_report

# The strategy that orders all eligible stocks by a factor.
from .factor_report import strategy_of_factor as strategy_of_factor

# The lines of a factor report.
from .factor_report import table_of as table_of

# A grid of variants, as a file holds it.
from .grid import Grid as Grid
from .grid import read_grid as read_grid

# The holdings in a text, such as the file of a broker.
from .holdings_text import HoldingsRead as HoldingsRead
from .holdings_text import decoded as decoded
from .holdings_text import read_holdings as read_holdings

# What a backtest is of.
from .inputs import Inputs as Inputs

# Money in whole hundredths: an amount as one, as an amount again, and the fees of trades.
from .money import Fees as Fees
from .money import as_money as as_money
from .money import hundredths as hundredths

# Orders as values of JSON and as rows.
from .order_json import orders_frame as orders_frame
from .order_json import orders_json as orders_json

# Orders that add up: for holdings and cash, and for an amount.
from .order_values import Holding as Holding

# Whether orders sell and buy, only buy, or only bring weights back.
from .order_values import Mode as Mode
from .order_values import Named as Named
from .order_values import Order as Order
from .order_values import Orders as Orders

# The mode, the size, the band and the fees of orders.
from .order_values import Wish as Wish
from .orders import allocated as allocated
from .orders import orders_for as orders_for

# A growth as people read it.
from .page import times as times

# A factor report as values of JSON, and as a page.
from .pages import factor_json as factor_json
from .pages import factor_page as factor_page

# The page of a search.
from .pages import search_page as search_page

# A portfolio: a strategy that is followed in some months, by some rules.
from .portfolio import Portfolio as Portfolio

# The prices and ranks of stocks in the currency of an account.
from .quotes import Quote as Quote
from .quotes import quotes_of as quotes_of
from .quotes import rates_in as rates_in

# The ranks of a block of days, and those of all blocks by this process.
from .ranks import ranked_block as ranked_block
from .ranks import ranked_here as ranked_here

# Backtests as a page of HTML, and a figure as people read it.
from .report import report as report
from .report import shown as shown

# When a portfolio is rebalanced, how it is weighted, at which price it trades.
from .rules import Calendar as Calendar
from .rules import Fill as Fill

# The size, the band, the weights and the costs of a portfolio.
from .rules import Rules as Rules
from .rules import Weighting as Weighting

# Many variants, and whether the best is luck.
from .search import Searched as Searched
from .search import search as search

# What becomes of portfolios that follow ranks.
from .simulation import Prices as Prices
from .simulation import Simulation as Simulation
from .simulation import simulate as simulate
