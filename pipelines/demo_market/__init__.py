"""The demo market: companies, prices and accounts that look real and are made up."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
