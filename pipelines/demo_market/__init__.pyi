# A market that lives some days.
from .advance import lived as lived

# The tables of splits, dividends and rates, which a database may have, as SQL.
from .market import EVENT_TABLES as EVENT_TABLES

# The tables of the source database, as SQL.
from .market import SCHEMA as SCHEMA

# A database with a market that is made up.
from .market import make_market as make_market

# What was planted in the prices of a stock.
from .plants import Plant as Plant

# The plants of a database, as they are told beside it.
from .plants import read_truth as read_truth

# Whether a PostgreSQL database has a market.
from .pour import has_market as has_market

# The newest date of a demo market in PostgreSQL.
from .pour import newest_date as newest_date

# A SQLite database of a market, poured into PostgreSQL.
from .pour import pour as pour
