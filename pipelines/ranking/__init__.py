"""The rankings: what is known of stocks on a date, factors, strategies, ranks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
