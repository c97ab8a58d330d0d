"""What each tier may do: features and limits as tables, and `admit`, which counts."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.storage import storage_from_string

from ampost_mcp.context import Caller
from ampost_mcp.errors import AppError

log = structlog.get_logger("ampost.limits")

TIERS = ("free", "pro", "max")
#: Tiers whose users may use API keys (REST and MCP).
API_KEYS = frozenset({"pro", "max"})

#: Limit -> requests a window in each tier, and the window.
LIMITS: dict[str, tuple[dict[str, int], type[RateLimitItem]]] = {
    "createPost": ({"free": 30, "pro": 300, "max": 1000}, RateLimitItemPerHour),
    "publishPost": ({"free": 10, "pro": 100, "max": 500}, RateLimitItemPerHour),
    "connectPlatform": ({"free": 5, "pro": 20, "max": 50}, RateLimitItemPerHour),
    "mediaUpload": ({"free": 30, "pro": 200, "max": 500}, RateLimitItemPerHour),
    "apiRead": ({"free": 100, "pro": 600, "max": 2000}, RateLimitItemPerMinute),
}
ITEMS: dict[tuple[str, str], RateLimitItem] = {
    (limit, tier): window(amounts[tier]) for limit, (amounts, window) in LIMITS.items() for tier in TIERS
}
#: Seconds that a request waits for Redis, and for which Redis is left alone once it did not answer.
PATIENCE, LEFT_ALONE = 1.0, 5.0


@dataclass(frozen=True)
class Quota:
    """What is left of a window. `reset` is in unix seconds."""

    limit: int
    remaining: int
    reset: float

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset)),
        }


class Limiter:
    """Counts in fixed windows, in memory or in Redis (`AMPOST_RATE_LIMIT_STORAGE`)."""

    def __init__(self, uri: str, patience: float = PATIENCE, left_alone: float = LEFT_ALONE) -> None:
        is_remote = not uri.startswith("memory")
        options = {"implementation": "redispy"} if is_remote else {}
        self._patience = patience if is_remote else None
        self._left_alone, self._away_until = left_alone, 0.0
        storage = storage_from_string(f"async+{uri}", **options)
        assert isinstance(storage, Storage)
        self._windows = FixedWindowRateLimiter(storage)

    async def admit(self, caller: Caller, *limits: str) -> Quota | None:
        """Counts one request of `caller` against each limit; answers the first one's quota.

        Raises RATE_LIMITED with `retryAfter` (seconds) in `details[0]`. None when the storage cannot be asked: a
        counter that is away must not stop the server.
        """
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._patience):
                quotas = [await self._count(caller, limit) for limit in limits]
        except Exception as error:
            self._away_until = time.monotonic() + self._left_alone
            log.warning("limits.unavailable", error=type(error).__name__, seconds=self._left_alone)
            return None
        spent = [(limit, quota) for limit, (quota, within) in zip(limits, quotas, strict=True) if not within]
        if spent:
            raise rate_limited(*spent[0])
        return quotas[0][0] if quotas else None

    async def _count(self, caller: Caller, limit: str) -> tuple[Quota, bool]:
        item = ITEMS[limit, caller.tier]
        within = await self._windows.hit(item, limit, caller.user_id)
        reset, remaining = await self._windows.get_window_stats(item, limit, caller.user_id)
        return Quota(item.amount, remaining, reset), within


def rate_limited(limit: str, quota: Quota) -> AppError:
    wait = max(1, math.ceil(quota.reset - time.time()))
    return AppError(
        "RATE_LIMITED",
        f"The limit {limit} ({quota.limit} requests a window) is used up.",
        f"Wait {wait} seconds, then send the same request again.",
        [{"code": "RATE_LIMITED", "limit": quota.limit, "operation": limit, "retryAfter": wait}],
        headers={**quota.headers(), "Retry-After": str(wait)},
    )


def admit_key(tier: str) -> None:
    """Raises PLAN_UPGRADE_REQUIRED for a tier without API keys."""
    if tier not in API_KEYS:
        raise AppError(
            "PLAN_UPGRADE_REQUIRED",
            "The free tier has no API access.",
            "The user needs the pro or max tier: ampost-mcp users tier EMAIL pro.",
        )


def limits_text() -> Sequence[tuple[str, dict[str, int], str]]:
    """The table for documentation: limit, amounts by tier, window."""
    words = {RateLimitItemPerHour: "hour", RateLimitItemPerMinute: "minute"}
    return [(limit, amounts, words[window]) for limit, (amounts, window) in LIMITS.items()]
