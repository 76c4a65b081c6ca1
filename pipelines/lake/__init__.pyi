# The damage of files: by size, by hash.
from . import damage as damage

# How old prices are, and whether to trade on a version.
from . import freshness as freshness

# Every path below the lake.
from . import layout as layout

# The versions as lists show them, with those that cannot be read.
from . import listing as listing

# The marks of versions that were rolled back, or found damaged.
from . import marks as marks

# The contract of each dataset; the write side alone loads it.
from .contracts import CONTRACTS as CONTRACTS
from .contracts import LARGEST_VOLUME as LARGEST_VOLUME
from .contracts import REASONS as REASONS
from .contracts import lake_schema as lake_schema
from .freshness import SEVERITY as SEVERITY
from .freshness import Freshness as Freshness
from .freshness import Label as Label
from .freshness import verdict as verdict
from .layout import MANIFEST as MANIFEST
from .layout import current_id as current_id
from .layout import new_version_id as new_version_id
from .layout import version_ids as version_ids
from .listing import Listed as Listed
from .listing import State as State
from .listing import changes as changes
from .listing import listed as listed
from .manifest import SCHEMA_VERSION as SCHEMA_VERSION
from .manifest import Check as Check
from .manifest import DataFile as DataFile
from .manifest import Dataset as Dataset
from .manifest import Manifest as Manifest
from .manifest import Phase as Phase
from .manifest import Report as Report
from .manifest import Status as Status
from .manifest import libraries as libraries
from .manifest import parse as parse
from .manifest import text as text
from .publishing import prune as prune
from .publishing import publish as publish
from .publishing import rollback as rollback
from .publishing import write_manifest as write_manifest
from .publishing import writing as writing
from .verify import verified as verified
from .version import Damaged as Damaged
from .version import Gone as Gone
from .version import Lake as Lake
from .version import OtherLayout as OtherLayout
from .version import has_other_layout as has_other_layout
from .version import manifest_of as manifest_of
from .version import open_current as open_current
from .version import schema_text as schema_text
from .version import source_of as source_of
