# An object store by its address, and the longest wait for an answer of it.
from .bucket import SECONDS as SECONDS
from .bucket import Bucket as Bucket

# What nobody needs any more is deleted.
from .collection import Collected as Collected
from .collection import collect as collect

# A number in the store, and the version that it published.
from .publications import Publication as Publication
from .publications import publications as publications

# A published version is fetched and becomes current here.
from .pulling import Pulled as Pulled
from .pulling import pull as pull

# The current version is sent and becomes that of the store.
from .pushing import Pushed as Pushed
from .pushing import push as push
