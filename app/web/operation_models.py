"""Answers on the service itself: cache, health and memory."""

from typing import Literal

from pydantic import BaseModel

from app.web.fields import Timestamp, field
from pipelines.lake import ConditionState


class CacheStats(BaseModel):
    """The counts of the cache."""

    hits: int = field("lookups that found a value", 1200)
    misses: int = field("lookups that found none", 14)
    entries: int = field("cached values", 9)
    bytes: int = field("bytes of the cached values", 410000)


class Invalidated(BaseModel):
    """The result of emptying the cache."""

    removed: int = field("number of values removed", 9)


class Health(BaseModel):
    """The health of the service."""

    status: Literal["healthy", "degraded"] = field("a degraded service still answers", "healthy")
    database: str = field("connected, or the error; a reader has none to look at", "connected")
    role: Literal["all", "reader"] = field("reader for a service that changes nothing", "all")
    instance: str | None = field("name of a service among several; null for one alone", None)
    lake: ConditionState = field("condition of the lake", "readable")
    reason: str | None = field("reasons for being degraded; null if healthy", None)
    timestamp: Timestamp
    version: str = field("release of StockRank", "0.1.0")
    rolled_back: str | None = field(
        "newer version from which somebody went back; null if none", None
    )
    notice: str | None = field("what to know of a demo market; null for real data", None)


class Alive(BaseModel):
    """A probe that was answered."""

    status: Literal["ok"] = field("always ok", "ok")


class Process(BaseModel):
    """The memory of a process."""

    name: str = field("service or refresh", "service")
    pid: int = field("process id", 12)
    resident_mb: float = field("resident size in MB", 141.0)
    peak_mb: float = field("largest resident size in MB", 160.2)


class Memory(BaseModel):
    """Memory in use against its limit."""

    usage_mb: float = field("MB that count against the limit", 141.0)
    percent: float = field("percentage of the limit", 13.8)
    available_mb: float = field("MB left below the limit", 883.0)
    status: Literal["OK", "WARNING", "CRITICAL"] = field("level in force", "OK")
    action_needed: bool = field("false while the status is OK", False)
    recommendations: list[str] = field("recommended actions", [])
    limit_mb: float = field("limit in MB", 1024.0)
    peak_mb: float = field("largest use since the start, in MB", 160.2)
    processes: list[Process] = field("processes that use it", [])


class Folder(BaseModel):
    """The room on the disk of a folder."""

    name: Literal["lake", "work"] = field("the lake, or where a refresh works", "lake")
    free_mb: float = field("free MB; in work, with what is given back", 51200.0)
    total_mb: float = field("size of the disk in MB", 102400.0)


class Disk(BaseModel):
    """Free room on the disks of the lake against what a refresh needs."""

    folders: list[Folder] = field("the lake, and where a refresh works", [])
    copy_mb: float | None = field("MB for the copy of the database", 203.8)
    files_mb: float | None = field("MB for the files of the new version", 36.4)
    needed_mb: float | None = field("both; null where the database is not there", 240.2)
    enough: bool | None = field("false if a refresh would be refused", True)
