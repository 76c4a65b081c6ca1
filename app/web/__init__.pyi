# The models of comparisons and of ranks over time.
from . import compare_models as compare_models

# The models of the answers on the data, its refreshes and its versions.
from . import data_models as data_models

# The models of the answers on strategies as data and on factors.
from . import definition_models as definition_models

# Makes an app answer every error with one sentence.
from . import errors as errors

# The requests and answers of the Nordic paths.
from . import nordic_models as nordic_models

# The models of the answers on the service itself.
from . import operation_models as operation_models

# The requests for orders and the answers to them.
from . import order_models as order_models

# The models of the answers that the pages are made of.
from . import page_models as page_models

# The models of the answers on portfolios.
from . import portfolio_models as portfolio_models

# The models of the answers on strategies and rankings.
from . import ranking_models as ranking_models

# The models of backtests and factor reports.
from . import research_models as research_models

# The models of the answers on single stocks.
from . import stock_models as stock_models

# Middleware: an id, a duration and a line in the log for every request.
from .access import Access as Access

# The protocol of the server: closes connections whose requests do not become whole.
from .deadline import DeadlineProtocol as DeadlineProtocol

# The error of a version that was rolled back.
from .errors import RolledBack as RolledBack

# The error of a request that can be served later.
from .errors import Unavailable as Unavailable

# The error of a current version that cannot be read.
from .errors import Unreadable as Unreadable

# The files of the pages.
from .files import Files as Files

# Whether a client takes answers in gzip.
from .files import takes_gzip as takes_gzip

# The media type of each format.
from .formats import MEDIA as MEDIA

# The formats in which a ranking can be had.
from .formats import Format as Format

# The languages whose spreadsheets read other CSV files than ours.
from .formats import Locale as Locale

# A frame written in a format, ready to be sent often.
from .formats import TaggedAnswer as TaggedAnswer

# The format that a request asks for.
from .formats import negotiated as negotiated

# Whether a client prefers a page to the formats of the API.
from .formats import prefers_html as prefers_html

# Middleware: HEAD for every path that answers GET.
from .head import Head as Head

# The most bytes that an address and its headers may have together.
from .limits import LARGEST_HEAD as LARGEST_HEAD

# Middleware: refuses requests that are too large.
from .limits import Limits as Limits

# The place of the answer to a request that was answered before.
from .recall import KnownAnswer as KnownAnswer

# The last requests that were answered from the cache.
from .recall import KnownRequests as KnownRequests

# Middleware: answers requests that were answered before.
from .recall import Recall as Recall

# The answers of a handler by status, for the OpenAPI document.
from .responses import Responses as Responses

# The answer that leads to a path without the slash at its end.
from .slashes import slash_too_many as slash_too_many

# What answers paths that have no route.
from .slashes import with_redirects as with_redirects
