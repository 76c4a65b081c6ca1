"""The published version, rankings computed on demand, and the rows of both for the answers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
