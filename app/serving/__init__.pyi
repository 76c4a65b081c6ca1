from . import queries as queries
from . import views as views
from .cache import Cache as Cache
from .computing import Computing as Computing
from .published import Published as Published
from .published import Version as Version
from .published import collected as collected
from .views import top as top
