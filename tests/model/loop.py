"""An event loop whose time passes only when nothing else is left to do: an hour of waiting takes no time at all."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class SteppedLoop(asyncio.SelectorEventLoop):
    """`time()` begins at zero and jumps to the next timer whenever every task waits for one."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Instant(self))

    def time(self) -> float:
        return self.now


class _Instant(selectors.SelectSelector):
    """Waits for no file; the seconds that it was asked to wait are added to the loop's time."""

    def __init__(self, loop: SteppedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("every task waits, and no timer will wake one")
        self._loop.now += max(timeout, 0.0)
        return super().select(0)
