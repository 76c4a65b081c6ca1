"""What is kept for the next request."""

from fastapi import APIRouter

from app.deps import PERMISSION, Permitted, ServicesDep
from app.web import models

router = APIRouter(prefix="/cache", tags=["cache"])


@router.get("/stats")
async def stats(services: ServicesDep) -> models.CacheStats:
    """What the cache did so far."""
    return models.CacheStats(**services.cache.stats())


@router.post("/invalidate", dependencies=[Permitted], responses=PERMISSION)
async def invalidate(services: ServicesDep) -> models.Invalidated:
    """Forget what is kept."""
    return models.Invalidated(removed=services.cache.invalidate())


@router.post("/clear", dependencies=[Permitted], responses=PERMISSION)
async def clear(services: ServicesDep) -> models.Invalidated:
    """Forget what is kept, and the counts."""
    return models.Invalidated(removed=services.cache.clear())
