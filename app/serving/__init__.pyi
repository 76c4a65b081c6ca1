# Lazy queries beyond the rankings themselves.
from . import queries as queries

# Rows of the rankings as the answers show them.
from . import views as views

# Frames and answers that were made before, up to a number of bytes.
from .cache import Cache as Cache

# What is said while the disk of the lake gives no answer.
from .computing import DISK_HANGS as DISK_HANGS

# Computes frames in threads, a few at once, each once for all who ask.
from .computing import Computing as Computing

# The versions that are kept, with one that is open.
from .kept import kept_versions as kept_versions

# Hands out the versions that requests name.
from .pinned import Pinned as Pinned

# Hands out the current version.
from .published import Published as Published

# A published version with its rankings in memory.
from .published import Version as Version

# The result of a plan over a version.
from .published import collect as collect

# The portfolios of a version and of the one before it.
from .tops import both_tops as both_tops

# The stocks that the portfolio of a strategy holds.
from .views import portfolio_rows as portfolio_rows
