"""A breaker per platform: when a platform does not answer several times running, nothing is sent to it for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Failures in a row that open the breaker, the first pause, and the longest (seconds).
THRESHOLD, FIRST, LONGEST = 5, 15.0, 300.0


class Breakers:
    """In memory, each process its own: it only spares the platform requests, no truth lives here."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, datetime] = {}

    def failed(self, platform: str, now: datetime) -> None:
        count = self._failures[platform] = self._failures.get(platform, 0) + 1
        if count >= THRESHOLD:
            pause = min(LONGEST, FIRST * 2.0 ** (count - THRESHOLD))
            self._until[platform] = now + timedelta(seconds=pause)

    def worked(self, platform: str) -> None:
        self._failures.pop(platform, None)
        self._until.pop(platform, None)

    def paused(self, now: datetime) -> tuple[str, ...]:
        return tuple(platform for platform, until in self._until.items() if until > now)

    def next_change(self, now: datetime) -> datetime | None:
        return min((until for until in self._until.values() if until > now), default=None)

    def until(self) -> dict[str, datetime]:
        """Platform -> when it is tried again; for `/readyz` and metrics."""
        return dict(self._until)
