from .history import Job as Job
from .refresh import Refresher as Refresher
from .refresh import Running as Running
from .schedule import Schedule as Schedule
