# How to make a database quicker to read: what it is like, what is advised, and doing it.
from . import tuning as tuning

# The name of the column with a row's rowid in what is read.
from .batches import ROWID as ROWID

# Reads one table of the private copy as frames.
from .batches import TableReader as TableReader

# The state of a database, with which a later one is compared.
from .changes import SourceState as SourceState

# The years of prices that may have changed since an earlier state.
from .changes import found_years as found_years

# Makes the private copy that everything is read from.
from .copying import copy as copy

# Checks that a database has the tables and columns that are read, and returns those tables.
from .schema import preflight as preflight

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

# The condition in SQL that a row's year is none of those given.
from .years import outside as outside

# The years of prices whose texts are too long to lie on their page.
from .years import wide_years as wide_years
