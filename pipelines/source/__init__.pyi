# How to make a database quicker to read: what it is like, what is advised, and doing it.
from . import tuning as tuning

# The name of the column with a row's number in what is read.
from .batches import ROWID as ROWID

# Raises an error where the saved state of a database cannot be read.
from .opening import check_state as check_state

# Opens a source by its place.
from .opening import opened as opened

# A database as it is at one moment.
from .protocol import Snapshot as Snapshot

# A database that is read.
from .protocol import Source as Source

# Reads one table as frames.
from .protocol import TableReader as TableReader

# Checks that a SQLite database has the tables and columns that are read, and returns those tables.
from .schema import preflight as preflight

# A SQLite database as a source.
from .sqlite import SqliteSource as SqliteSource

# The tables that are read, by name.
from .tables import TABLES as TABLES

# A table of the database: its columns, their kinds, its key and the dataset that it becomes.
from .tables import SourceTable as SourceTable

# The tables that one dataset is made from.
from .tables import tables_of as tables_of

# A row that connectorx cannot read, with the reason.
from .unreadable import BadRow as BadRow

# Raised where connectorx met such a row.
from .unreadable import UnreadableRow as UnreadableRow
