# The damage of files: by size, by hash.
from . import damage as damage

# The age of prices, and the advice to trade on a version or not.
from . import freshness as freshness

# The list of the versions that are kept.
from . import kept as kept

# Every path below the lake.
from . import layout as layout

# The versions as lists show them, with those that cannot be read.
from . import listing as listing

# The marks of versions that were rolled back, or found damaged.
from . import marks as marks

# The condition of a lake: readable, empty, damaged or unreadable, with the reason.
from .condition import Condition as Condition

# The word for the condition of a lake.
from .condition import ConditionState as ConditionState

# Looks at a lake, and returns its condition.
from .condition import condition_of as condition_of

# The contract of each dataset; it takes dataframely, so that only a refresh loads it.
from .contracts import CONTRACTS as CONTRACTS

# The largest volume of a day that a file can hold.
from .contracts import LARGEST_VOLUME as LARGEST_VOLUME

# The reason code of each rule of the contracts.
from .contracts import REASON_OF_RULE as REASON_OF_RULE

# The columns and types of a dataset.
from .contracts import lake_schema as lake_schema

# A version that cannot be read as it was written.
from .described import Damaged as Damaged

# A version that is not there.
from .described import Gone as Gone

# A version that another release wrote.
from .described import OtherLayout as OtherLayout
from .described import has_other_layout as has_other_layout

# The manifest of a version without opening its files.
from .described import manifest_of as manifest_of
from .described import source_of as source_of

# Errors of the disk below a lake as errors of the lake.
from .disk_errors import disk_errors as disk_errors

# The severity of each label of freshness.
from .freshness import SEVERITY as SEVERITY

# The age of a version's prices in trading days.
from .freshness import Freshness as Freshness

# The age in a word, from "fresh" to "no_data".
from .freshness import Label as Label

# The advice on a version, from its integrity report and the age of its prices.
from .freshness import verdict as verdict

# The name of the file that describes a version, and completes it.
from .layout import MANIFEST as MANIFEST

# The version that readers open, and the versions that there are.
from .layout import current_id as current_id

# An id for the next version.
from .layout import new_version_id as new_version_id

# The ids of the complete versions, oldest first.
from .layout import version_ids as version_ids

# A file of one version in another, linked or copied.
from .linking import link as link

# A version as lists show it.
from .listing import Listed as Listed

# The state of a version in a list.
from .listing import State as State

# The rows and files that differ between two manifests.
from .listing import changes as changes

# All versions, with those that cannot be read.
from .listing import listed as listed

# Said wherever rankings of a demo market are shown.
from .manifest import DEMO_NOTICE as DEMO_NOTICE

# The datasets of which versions keep what they saw.
from .manifest import OBSERVED as OBSERVED

# The number of the layout that this release reads and writes.
from .manifest import SCHEMA_VERSION as SCHEMA_VERSION

# The manifest and its parts.
from .manifest import Check as Check
from .manifest import DataFile as DataFile
from .manifest import Dataset as Dataset

# The description of a version: its content and its making.
from .manifest import Manifest as Manifest

# The counts of observations.
from .manifest import Observed as Observed

# The time and the memory of a phase of a refresh.
from .manifest import Phase as Phase

# The integrity of a version on the day on which it was made.
from .manifest import Report as Report

# The grade of a check: ok, warning or critical.
from .manifest import Status as Status

# The releases of the libraries that decide the content of files.
from .manifest import libraries as libraries

# A manifest from JSON, and as JSON.
from .manifest import parse as parse
from .manifest import text as text

# What a version remembers of rows that the source has overwritten; that of a version by its id.
from .memory import Memory as Memory
from .memory import memory_of as memory_of

# The phases of a refresh, with their usual shares of its time.
from .phases import PHASES as PHASES

# The name of a phase that makes no dataset.
from .phases import Step as Step

# The backtests of a version, which are computed after it was published.
from .prepared import Prepared as Prepared
from .prepared import forget_prepared as forget_prepared
from .prepared import note_prepared as note_prepared
from .prepared import prepared as prepared
from .prepared import prepared_backtest as prepared_backtest

# What a killed refresh left is removed.
from .publishing import clean as clean

# A version that is here becomes the current one.
from .publishing import point_to as point_to

# Old versions are deleted.
from .publishing import prune as prune

# A version becomes the current one.
from .publishing import publish as publish

# An older version becomes the current one.
from .publishing import rollback as rollback

# The file that completes a version is written.
from .publishing import write_manifest as write_manifest

# The lock of the one writer.
from .publishing import writing as writing

# Raises `LakeError` where the files of a version cannot be read.
from .reading import BROKEN as BROKEN
from .reading import readable as readable

# The reason codes that the code itself asks for.
from .row_reasons import DUPLICATE_KEY as DUPLICATE_KEY

# The reason of a row that becomes valid when its day has come.
from .row_reasons import FUTURE_DATE as FUTURE_DATE

# The warning about open, high and low that do not go together.
from .row_reasons import OHL_INCONSISTENT as OHL_INCONSISTENT

# The warning about rows that came without open, high and low.
from .row_reasons import OHL_MISSING as OHL_MISSING

# The reasons for which rows are rejected, each with a sentence.
from .row_reasons import REJECTS as REJECTS

# The reasons for which values are given up, each with a sentence.
from .row_reasons import WARNINGS as WARNINGS

# A refresh that no service started, from its beginning to its end.
from .runs import Run as Run

# The names of records that cannot be read.
from .runs import damaged_runs as damaged_runs

# Those that have ended, as their records say.
from .runs import ended_runs as ended_runs

# A refresh leaves a record of how it ended.
from .runs import recorded as recorded

# A folder below the lake for a short time.
from .scratch import scratch as scratch

# What a refresh needs of a disk.
from .space import Need as Need

# The free and all bytes of a disk.
from .space import Room as Room

# A refresh that does not fit is refused.
from .space import check_room as check_room

# The need of a refresh, and the room that there is and will be again.
from .space import need_of as need_of
from .space import returned as returned
from .space import room_of as room_of

# The files of a version compared with its manifest.
from .verify import verified as verified

# The states of the observations that count.
from .version import COUNTING as COUNTING

# The days within which most ratios are known after that of their price.
from .version import PROMPT_DAYS as PROMPT_DAYS

# A version, opened for reading.
from .version import Lake as Lake

# The version that `current` named a moment ago.
from .version import open_current as open_current

# Column types as a manifest names them.
from .version import schema_text as schema_text
