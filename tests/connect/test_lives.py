"""A connection's whole life on every platform: connected, refreshed once for all who need it, taken back, connected anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ampost_mcp.context import App
from ampost_mcp.services import tokens
from brokers import BROKERS
from brokers.base import Profile
from brokers.oauth import Client
from brokers.sandbox.world import Fault
from tests.connect.conftest import Browser, Place, bearer, every_platform

CALLERS = 20
#: The one registration for which the simulated LinkedIn, like the real one, hands out refresh tokens.
APPROVED = Client("approved-for-refresh", "a secret", "https://mine.example/back")


@pytest.fixture
def approved(place: Place) -> Iterator[None]:
    before = place.app.settings
    place.app.settings = before.model_copy(update={"clients": {"linkedin": APPROVED}})
    yield
    place.app.settings = before


@contextmanager
def later(place: Place, app: App, by: timedelta) -> Iterator[App]:
    """The installation after a while, which has passed on the platform as well."""
    here, there = app.clock, place.world.clock
    place.world.clock = lambda: there() + by.total_seconds()
    yield replace(app, clock=lambda: here() + by)
    place.world.clock = there


def stored(place: Place, id: str) -> tuple[str | None, str | None]:
    """The access and the refresh token of an account."""
    row = place.account(id)
    return tokens.opened(place.app, row, "access_token"), tokens.opened(place.app, row, "refresh_token")


async def whose(app: App, platform: str, token: str) -> list[Profile]:
    """Whom the platform takes the bearer of a token for."""
    broker = BROKERS[platform]
    return await broker.profile(tokens.api_for(app, broker), token)


async def all_at_once(place: Place, app: App, platform: str, id: str) -> tuple[str, int]:
    """The access token that many tasks get at the same time, and how often the platform was asked for it."""
    place.world.faults.append(Fault(platform, "token", "delay", delay=0.05))
    before = place.world.counts[platform, "token"]
    used = {each.access_token for each in await asyncio.gather(*(tokens.usable_account(app, id) for _ in range(CALLERS)))}
    assert len(used) == 1
    return used.pop(), place.world.counts[platform, "token"] - before


@every_platform
async def test_connected_refreshed_taken_back_and_connected_anew(
    approved: None, browser: Browser, place: Place, app: App, platform: str
) -> None:
    oauth = BROKERS[platform].oauth
    id = await browser.connect(platform)
    account, (access, refresh) = place.account(id), stored(place, id)
    assert access and (account.token_expires_at is None) == (oauth.refresh is None)

    until_due = timedelta()
    if account.token_expires_at:
        until_due = account.token_expires_at - app.clock() - timedelta(seconds=oauth.refresh_before - 60)
    with later(place, app, until_due) as due:
        used, asked = await all_at_once(place, due, platform, id)
        assert asked == (1 if oauth.refresh else 0)
        assert (used != access) == bool(oauth.refresh)
        assert (used, refresh != stored(place, id)[1]) == (stored(place, id)[0], oauth.rotates)
        assert (await whose(due, platform, used))[0].platform_account_id == account.platform_account_id
        assert await all_at_once(place, due, platform, id) == (used, 0)

    answer = await browser.http.delete(f"/api/platforms/{platform}/disconnect", params={"accountId": id})
    assert answer.json() == {"success": True} and stored(place, id) == (None, None)
    assert (place.world.token(platform, used) is None) == bool(oauth.revoke)

    again = await browser.connect(platform)
    fresh, _ = stored(place, again)
    assert fresh not in (None, access, used) and await whose(app, platform, str(fresh))
    shown: list[dict[str, Any]] = (await browser.http.get("/api/v1/accounts", headers=bearer(browser))).json()["accounts"]
    assert [(each["id"], each["status"], each["tokenHealth"]["state"]) for each in shown] == [(again, "active", "ok")]
