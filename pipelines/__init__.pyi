# Make a new version of a lake from a SQLite database.
from .api import export_database as export_database

# The rankings of many dates.
from .api import ranking_history as ranking_history

# The rankings on a date.
from .api import rankings as rankings

# A new version was not published, for its rows or values are not what was promised.
from .errors import ContractError as ContractError

# The lake cannot be read or written.
from .errors import LakeError as LakeError

# A text is no date.
from .errors import NotADate as NotADate

# The lake has no version.
from .errors import NothingPublished as NothingPublished

# A setting is unknown or cannot be used.
from .errors import SettingsError as SettingsError

# The database cannot be read.
from .errors import SourceError as SourceError

# The base of all errors.
from .errors import StockRankError as StockRankError

# A strategy, universe, ticker or version that is not there.
from .errors import Unknown as Unknown

# A version of the lake: its prices, statements, stocks and published rankings.
from .lake import Lake as Lake

# The strategies by name.
from .ranking import STRATEGIES as STRATEGIES

# How a strategy screens and orders stocks.
from .ranking import Strategy as Strategy

# The universe of Swedish stocks.
from .universe import SWEDEN as SWEDEN

# The markets, currency and least market cap of the stocks that are ranked.
from .universe import Universe as Universe

# The release.
__version__: str
