"""Where a server can be made to die: before and after every write and every irreversible request of a publish."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

#: A point is `before:NAME` or `after:NAME`. The names are the functions that a publish writes with, and `send` for the
#: irreversible request; `after` means that the commit (or the answer) has come, and nothing else has happened yet.
WRITES = ("claim_due", "save_step", "open_intent", "close_intent", "_record", "_begin", "_create", "_discard")
POINTS = tuple(f"{when}:{name}" for name in (*WRITES, "send") for when in ("before", "after"))
#: Around the refresh of a token: the lease on it, and the write of what came.
TOKEN_POINTS = tuple(f"{when}:{name}" for name in ("lease", "finish") for when in ("before", "after"))


def die_at(plan: str) -> None:
    """Makes this process kill itself at a point: `plan` is `POINT/N`, the N-th time that it is reached. With `/STOP` after
    it, the process stops there and stays, until it is told to continue."""
    point, count, *how = plan.split("/")
    number = signal.SIGSTOP if how else signal.SIGKILL
    left = int(count)

    def hit(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), number)

    from brokers.platform_http import PlatformHttp
    from storage.database import Database

    write, send = Database.write, PlatformHttp._send

    async def watched_write(self: Database, do: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        hit(f"before:{do.__name__}")
        result = await write(self, do, *args, **kwargs)
        hit(f"after:{do.__name__}")
        return result

    async def watched_send(self: PlatformHttp, *args: Any, **kwargs: Any) -> Any:
        if not self.fresh:
            return await send(self, *args, **kwargs)
        hit("before:send")
        result = await send(self, *args, **kwargs)
        hit("after:send")
        return result

    Database.write = watched_write  # type: ignore[method-assign,assignment]
    PlatformHttp._send = watched_send  # type: ignore[method-assign]
