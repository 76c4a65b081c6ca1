from .market import SCHEMA as SCHEMA
from .market import make_market as make_market
