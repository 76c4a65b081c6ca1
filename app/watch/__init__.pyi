# The rules that say when an alert is due.
from . import rules as rules

# Those of a version, against the one before it.
from . import version_rules as version_rules

# The name of the file of the alerts.
from .alerts import ALERTS_FILE as ALERTS_FILE

# A condition that was met, from its beginning to its end.
from .alerts import Alert as Alert

# All alerts by key: observed, told once each, remembered.
from .alerts import Alerts as Alerts

# The file of the alerts of a lake.
from .alerts import alerts_file as alerts_file

# The alerts that a file remembers, newest first.
from .alerts import recorded_alerts as recorded_alerts

# An alert to try the channels with.
from .alerts import trial_alert as trial_alert

# A thread that looks at a disk, which may never answer.
from .aside import Aside as Aside

# The error of a disk that gives no answer.
from .aside import NoAnswer as NoAnswer

# The channels of the settings, the log first.
from .channels import configured_channels as configured_channels

# A check of all files against their hashes, in a thread, again and again.
from .damage_check import DamageCheck as DamageCheck

# Marks a version that has a file with other bytes than were written.
from .damage_check import check_version as check_version

# That of a disk that does not answer.
from .disk import UNKNOWN_DISK as UNKNOWN_DISK

# The room on the disks of the lake, against the need of a refresh.
from .disk import DiskUsage as DiskUsage
from .disk import disk_usage as disk_usage

# Waits at the start until the disk of the lake answers, and says so meanwhile.
from .disk import wait_for_disk as wait_for_disk

# The events of the service, for all who subscribe.
from .events import Events as Events

# A thing as a journal holds it: JSON by name.
from .journal import Entry as Entry

# A file of JSON lines with the newest state of each thing.
from .journal import Journal as Journal

# All levels of memory in rising order.
from .levels import LEVELS as LEVELS

# How near memory is to its limit.
from .levels import Level as Level

# The guard that samples memory and holds the level in force.
from .memory import Guard as Guard

# The smaller limit of the setting and the control group, in MB.
from .memory import effective_limit_mb as effective_limit_mb

# A way to reach people, such as e-mail.
from .outbox import Channel as Channel

# A message to people.
from .outbox import Notice as Notice

# The error of a channel by which a notice did not arrive.
from .outbox import Undelivered as Undelivered

# The figures of memory against its limit.
from .usage import MemoryUsage as MemoryUsage

# Memory against its limit, as `/system/memory` and `/metrics` tell it.
from .usage import memory_usage as memory_usage
