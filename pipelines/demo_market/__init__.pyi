# The tables of the source database, as SQL.
from .market import SCHEMA as SCHEMA

# A database with a market that is made up.
from .market import make_market as make_market
