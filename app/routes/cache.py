"""The cache of computed frames and written answers."""

from fastapi import APIRouter

from app.deps import ServicesDep
from app.permission import PERMISSION_PROBLEMS, Permitted
from app.web import operation_models

router = APIRouter(prefix="/cache", tags=["cache"])


@router.get("/stats")
async def stats(services: ServicesDep) -> operation_models.CacheStats:
    """Hits and misses, entries and bytes of the cache."""
    return operation_models.CacheStats(**services.cache.stats())


@router.post("/invalidate", dependencies=[Permitted], responses=PERMISSION_PROBLEMS)
async def invalidate(services: ServicesDep) -> operation_models.Invalidated:
    """Empty the cache."""
    return operation_models.Invalidated(removed=services.cache.invalidate())


@router.post("/clear", dependencies=[Permitted], responses=PERMISSION_PROBLEMS)
async def clear(services: ServicesDep) -> operation_models.Invalidated:
    """Empty the cache and set its counts to 0."""
    return operation_models.Invalidated(removed=services.cache.clear())
