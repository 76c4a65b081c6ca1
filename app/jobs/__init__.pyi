from .history import Job as Job
from .outcome import without_paths as without_paths
from .refresh import Refresher as Refresher
from .refresh import Running as Running
from .schedule import Schedule as Schedule
