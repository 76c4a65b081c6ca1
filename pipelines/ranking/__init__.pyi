# The splits whose prices are raw, closes adjusted for them: of stocks beside others, of charts.
from .adjusted import adjusted as adjusted
from .adjusted import adjusted_closes as adjusted_closes
from .adjusted import applied_splits as applied_splits

# Strategies as data, from their definitions.
from .as_data import strategy_of as strategy_of

# The last rank at which a stock is bought.
from .banding import BUY_RANK as BUY_RANK

# The last rank at which a stock that is held is kept.
from .banding import SELL_RANK as SELL_RANK

# The trades of a band: who stays, goes and comes.
from .banding import Banding as Banding

# A stock with its rank, or the reason for having none.
from .banding import Place as Place

# The places of a strategy's rows, by which the trades are decided.
from .banding import places as places

# The trades of a portfolio that follows a ranking in a band.
from .banding import trades as trades

# The catalogue of factors, by name.
from .catalogue import FACTORS as FACTORS
from .catalogue import Factor as Factor

# Two rankings beside each other: who came, went and moved.
from .compared import Change as Change
from .compared import Changes as Changes
from .compared import changes_between as changes_between

# Returns of stocks in the currency of a universe.
from .currencies import converted as converted

# The rates of currencies in SEK on a day.
from .currencies import rates_on as rates_on

# Who is eligible, by the type of instrument and by the market alone.
from .eligible import is_financial as is_financial
from .eligible import is_on_market as is_on_market
from .eligible import is_stock as is_stock

# The names of markets as they are compared.
from .eligible import market_keys as market_keys

# The ISIN of a share, or its ticker.
from .eligible import share as share

# What happened to a stock, from rows of the lake.
from .events import event_plans as event_plans
from .events import events_of as events_of

# Why a stock is where it is: rows of a ranking as typed values.
from .explain import Explanation as Explanation
from .explain import MetricFact as MetricFact
from .explain import ReturnFact as ReturnFact
from .explain import explanations as explanations

# A quotient that is correctly rounded.
from .expressions import divided as divided

# The name of the first rule that is true.
from .expressions import first_reason as first_reason

# True for a row that has a value in any of the columns.
from .expressions import has_any as has_any

# The columns of statements that the F-score is made of.
from .factors import STATEMENT_ITEMS as STATEMENT_ITEMS

# The jumps of a version that neither a split nor the owner explains.
from .jumps import counted_jumps as counted_jumps

# Daily prices without those that are known to be bad.
from .jumps import good_prices as good_prices

# The price return of tickers over any number of months.
from .known import price_return as price_return

# All stocks that a version knows of, those that are gone from the source too.
from .listed import all_listed as all_listed

# How often to rank.
from .many import Every as Every

# Dates in blocks, and the rankings of one block: all that a history has, or the ranks alone.
from .many import block_history as block_history
from .many import block_ranks as block_ranks
from .many import blocks as blocks

# The first day with prices of each period.
from .many import first_days as first_days

# The rankings of many dates, a plan for each block of them.
from .many import history as history

# The same with the ranks alone, in larger blocks.
from .many import history_of_ranks as history_of_ranks

# The error for a stretch of time without a price.
from .many import no_price as no_price

# Where the facts of a stock are from.
from .origins import origin_plan as origin_plan
from .origins import origin_tables as origin_tables
from .origins import origins as origins

# How many days with a volume the turnover of a quarter needs.
from .price_windows import DAYS_WITH_VOLUME as DAYS_WITH_VOLUME

# The published rankings: can they be used, and if not, what stands for them.
from .rank import holds_rankings as holds_rankings
from .rank import published_or_computed as published_or_computed

# The rankings of one date, as a plan.
from .rank import rankings as rankings

# The columns of the ratios that are fractions.
from .ratios import FRACTIONS as FRACTIONS

# The columns of all ratios.
from .ratios import RATIO_COLUMNS as RATIO_COLUMNS

# Why a stock has no rank: each code with its sentence.
from .reasons import REASONS as REASONS

# The days on which a strategy was rebalanced last, and is next.
from .rebalancing import last_rebalance as last_rebalance
from .rebalancing import next_rebalance as next_rebalance

# A hash that changes with these rules.
from .rules_version import rules_hash as rules_hash

# For how long an observation stands, written beside it.
from .standing import LASTING as LASTING
from .standing import STANDING as STANDING
from .standing import filings_with_ratios as filings_with_ratios
from .standing import standing_hash as standing_hash
from .standing import with_standing as with_standing

# Stocks by what people call them, also those that are gone.
from .stock_names import StockName as StockName
from .stock_names import StockNames as StockNames

# The names of all stocks of a lake, as a plan.
from .stock_names import names_of_stocks as names_of_stocks

# The strategy of the Nordic paths.
from .strategies import NORDIC_MOMENTUM as NORDIC_MOMENTUM

# The strategies of the house by name, all that a universe is ranked by, and one of them.
from .strategies import STRATEGIES as STRATEGIES
from .strategies import strategies_of as strategies_of
from .strategies import strategy_named as strategy_named

# A strategy as a value: its screens, composite, score and portfolio.
from .strategy import Strategy as Strategy

# A ticker as the lake writes it, of a text and of a column.
from .tickers import canonical_ticker as canonical_ticker
from .tickers import canonical_tickers as canonical_tickers

# The ticker that a text means, or the text where it means none.
from .tickers import ticker_if_known as ticker_if_known

# The ticker that a text means, of those there are.
from .tickers import ticker_named as ticker_named

# The day whose price is in the ratios of a row.
from .timely import priced_on as priced_on

# What decided about a stock: its screens, and the cut of the composite.
from .verdicts import CutFact as CutFact
from .verdicts import ScreenFact as ScreenFact
from .verdicts import cut_of as cut_of

# How old a close may be, the months of the returns, how far the integrity report looks back.
from .windows import MAX_PRICE_AGE as MAX_PRICE_AGE
from .windows import MONTHS as MONTHS
from .windows import REPORT_WINDOW as REPORT_WINDOW
