"""Rate limits counted in Redis: once for all processes, and nothing waits for a Redis that is away."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from ampost_mcp.context import Caller
from ampost_mcp.errors import AppError
from ampost_mcp.tiers import LIMITS, PATIENCE, Limiter
from tests.machines.conftest import redis_server

CALLER = Caller("user", "user@example.com", "free", "tag")
MOST = LIMITS["connectPlatform"][0]["free"]


async def test_processes_count_together() -> None:
    with redis_server() as port:
        limiters = [Limiter(f"redis://127.0.0.1:{port}", patience=30) for _ in range(3)]
        asked = (limiters[number % 3].admit(CALLER, "connectPlatform") for number in range(3 * MOST))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        quotas = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert len(quotas) == MOST and all(quotas), answers
        assert all(isinstance(answer, AppError) and answer.code == "RATE_LIMITED" for answer in answers if answer not in quotas)


@pytest.mark.parametrize("way", ["refuses", "hangs"])
async def test_a_redis_that_is_away_stops_nobody(way: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if way == "hangs":
            silent.listen()  # connections are taken, and nothing is ever said
        limiter = Limiter(f"redis://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert await asyncio.gather(*(limiter.admit(CALLER, "apiRead") for _ in range(50))) == [None] * 50
        assert time.monotonic() - began < PATIENCE + 3
        began = time.monotonic()
        assert await limiter.admit(CALLER, "apiRead") is None
        assert time.monotonic() - began < PATIENCE / 2, "it is not asked again at once"


async def test_a_redis_that_comes_back_counts_again() -> None:
    with redis_server() as port:
        limiter = Limiter(f"redis://127.0.0.1:{port}", patience=10, left_alone=0.05)
        assert await limiter.admit(CALLER, "apiRead")
    assert await limiter.admit(CALLER, "apiRead") is None
    with redis_server(port):
        async with asyncio.timeout(10):
            while await limiter.admit(CALLER, "apiRead") is None:
                await asyncio.sleep(0.02)
