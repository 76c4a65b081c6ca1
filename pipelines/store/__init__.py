"""The store: versions of a lake in an object store, pushed by the writer and pulled by readers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
