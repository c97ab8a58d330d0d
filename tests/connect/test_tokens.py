"""Refreshing: one at a time, stored before use, and never again after a lost answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from ampost_mcp.context import App
from ampost_mcp.services import connections, tokens
from brokers import BROKERS
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.oauth import Client, Refresh, Tokens
from brokers.platform_http import PlatformHttp
from brokers.sandbox.world import Fault
from storage import accounts
from storage import tokens as rows
from storage.tables import Account
from tests.connect.conftest import Place

Connect = Callable[..., Awaitable[str]]


@pytest.fixture
def connect(place: Place, app: App) -> Connect:
    """`connect("twitter", expires_in=60)`: the id of an account whose refresh token the simulator knows."""

    async def connect(platform: str, expires_in: float | None, *, refreshable: bool = True) -> str:
        user = place.user()
        who, world = place.world.identity(platform), place.world
        scopes = list(BROKERS[platform].oauth.scopes)
        access = world.issue(platform, who.id, "access", scopes, 7200, family=user["id"])
        refresh = world.issue(
            platform, who.id, "refresh", scopes, 10**6, family=user["id"], client_id="ampost-sandbox"
        )  # fmt: skip
        return await connections.connect_with_token(
            app, user["id"], place.set_of(user), platform, access, refresh if refreshable else None, expires_in,
            who.id, who.username,
        )  # fmt: skip

    return connect


def scripted(app: App, refresh: Refresh, **oauth: Any) -> App:
    """An installation whose X refreshes by `refresh`."""
    broker = app.brokers["twitter"]
    return replace(
        app, brokers={**app.brokers, "twitter": replace(broker, oauth=replace(broker.oauth, refresh=refresh, **oauth))}
    )


def refreshes(place: Place, platform: str = "twitter") -> int:
    return place.world.counts[platform, "token"]


async def test_a_token_with_time_left_is_used_as_it_is(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 3600)
    used = await tokens.usable_account(app, id)
    assert used.access_token.startswith("sim-twitter-access-") and refreshes(place) == 0
    assert used.access_token not in repr(used)


async def test_a_token_about_to_expire_is_refreshed_first(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    before = place.account(id)
    used = await tokens.usable_account(app, id)
    after = place.account(id)
    assert refreshes(place) == 1 and used.access_token == tokens.opened(app, after, "access_token")
    assert tokens.opened(app, before, "access_token") != used.access_token
    assert tokens.opened(app, before, "refresh_token") != tokens.opened(app, after, "refresh_token")
    assert after.token_expires_at and after.token_expires_at > app.clock() + timedelta(hours=1)
    assert after.lease_owner is None and after.last_refreshed_at and after.last_error is None


async def test_twenty_callers_make_one_call(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    place.world.faults.append(Fault("twitter", "token", "delay", delay=0.05))
    used = await asyncio.gather(*(tokens.usable_account(app, id) for _ in range(20)))
    assert refreshes(place) == 1 and len({each.access_token for each in used}) == 1


async def test_two_processes_make_one_call(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    other = replace(app, process="another", extras={})
    place.world.faults.append(Fault("twitter", "token", "delay", delay=0.05))
    calls = [tokens.refresh(each, id, because="test") for each in (app, other) for _ in range(10)]
    used = await asyncio.gather(*calls)
    assert refreshes(place) == 1 and len({each.access_token for each in used}) == 1


async def test_the_new_pair_is_on_disk_before_it_is_used(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    used = await tokens.refresh(app, id, because="test")
    assert used.access_token == tokens.opened(app, place.account(id), "access_token")


async def test_a_caller_that_goes_away_does_not_lose_the_answer(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    place.world.faults.append(Fault("twitter", "token", "delay", delay=0.1))
    before = place.account(id).refresh_token
    task = asyncio.create_task(tokens.refresh(app, id, because="test"))
    while not refreshes(place):
        await asyncio.sleep(0.005)
    task.cancel()
    async with asyncio.timeout(60):
        while (row := place.account(id)).refresh_token == before:
            await asyncio.sleep(0.01)
    assert row.lease_owner is None and not row.reconnect_required


async def test_an_empty_refresh_token_replaces_nothing(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)

    async def refresh(api: PlatformHttp, client: Client, access: str, token: str | None) -> Tokens:
        return Tokens("new", "", 7200)

    before = tokens.opened(app, place.account(id), "refresh_token")
    assert (await tokens.refresh(scripted(app, refresh), id, because="test")).access_token == "new"
    assert tokens.opened(app, place.account(id), "refresh_token") == before


async def refused(app: App, id: str) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await tokens.usable_account(app, id)
    return caught.value


async def test_a_refused_refresh_token_asks_for_a_new_connection_once(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 0.001)
    place.world.revoke_family(place.account(id).user_id)
    for _ in range(3):
        error = await refused(app, id)
        assert error.kind == "auth" and "/accounts" in str(error.hint)
    row = place.account(id)
    assert refreshes(place) == 1 and row.reconnect_required and row.status == "expired"
    assert await tokens.renew(app, id, error) is False and refreshes(place) == 1


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after", "hang"])
async def test_a_lost_answer_of_a_rotating_token_is_never_asked_for_again(
    place: Place, app: App, connect: Connect, fault: str
) -> None:
    id = await connect("twitter", 0.001)
    place.world.faults.append(Fault("twitter", "token", fault))
    for _ in range(3):
        assert (await refused(app, id)).kind == "auth"
    row = place.account(id)
    assert refreshes(place) == 1 and row.reconnect_required and row.lease_owner is None
    assert "lost" in str(row.last_error)


async def test_a_lost_answer_of_another_token_is_asked_for_again(place: Place, app: App, connect: Connect) -> None:
    id = await connect("youtube", 0.001)
    place.world.faults.append(Fault("youtube", "token", "error_before"))
    assert (await refused(app, id)).kind == "transient"
    assert not place.account(id).reconnect_required


@pytest.mark.parametrize("trouble", [NotSent("no connection"), PlatformError("busy", kind="quota")])
async def test_trouble_marks_nothing(place: Place, app: App, connect: Connect, trouble: Exception) -> None:
    id = await connect("twitter", 0.001)
    tries = []

    async def refresh(api: PlatformHttp, client: Client, access: str, token: str | None) -> Tokens:
        tries.append(token)
        if len(tries) == 1:
            raise trouble
        return Tokens("new", "next", 7200)

    app = scripted(app, refresh)
    assert (await refused(app, id)).kind in ("transient", "quota")
    row = place.account(id)
    assert not row.reconnect_required and row.lease_owner is None and row.last_error
    assert (await tokens.usable_account(app, id)).access_token == "new"
    assert place.account(id).last_error is None


async def test_a_token_that_still_works_is_used_when_the_refresh_does_not(place: Place, app: App, connect: Connect) -> None:
    id = await connect("youtube", 60)
    place.world.faults.append(Fault("youtube", "token", "error_before", times=-1))
    assert (await tokens.usable_account(app, id)).access_token
    assert not place.account(id).reconnect_required


async def test_without_a_refresh_token_a_token_is_used_to_its_end(place: Place, app: App, connect: Connect) -> None:
    id = await connect("linkedin", 60, refreshable=False)
    assert (await tokens.usable_account(app, id)).access_token
    before = app.clock
    late = replace(app, clock=lambda: before() + timedelta(minutes=2))
    assert (await refused(late, id)).kind == "auth"
    row = place.account(id)
    assert row.reconnect_required and row.status == "expired" and refreshes(place, "linkedin") == 0


async def test_a_token_too_young_to_refresh_is_kept(place: Place, app: App, connect: Connect) -> None:
    """Threads refuses to refresh a token in its first day, with the error of a bad token."""
    user, world = place.user(), place.world
    who = world.identity("threads")
    young = world.issue("threads", who.id, "access", list(BROKERS["threads"].oauth.scopes), 86400, issued_at=world.clock())
    id = await connections.connect_with_token(
        app, user["id"], place.set_of(user), "threads", young, None, 86400, who.id, who.username
    )
    assert (await tokens.usable_account(app, id)).access_token == young
    assert not place.account(id).reconnect_required and refreshes(place, "threads") == 1


async def test_without_a_registration_nothing_is_marked(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 0.001)
    bare = replace(app, settings=app.settings.model_copy(update={"platforms_url": ""}))
    error = await refused(bare, id)
    assert error.broker_code == "INVALID_CONFIG" and "TWITTER_CLIENT_ID" in str(error.hint)
    assert not place.account(id).reconnect_required


async def test_a_refused_token_is_renewed(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 3600)
    before = place.account(id).access_token
    assert await tokens.renew(app, id, PlatformError("expired", kind="auth", broker_code="AUTH_EXPIRED"))
    assert place.account(id).access_token != before and refreshes(place) == 1


async def test_a_refused_token_that_cannot_be_renewed_needs_a_new_connection(place: Place, app: App, connect: Connect) -> None:
    id = await connect("linkedin", None, refreshable=False)
    assert not await tokens.renew(app, id, PlatformError("expired", kind="auth", broker_code="AUTH_EXPIRED"))
    assert place.account(id).reconnect_required


# -- the lease ---------------------------------------------------------------------------------------------------------


async def test_what_was_disconnected_meanwhile_stays_disconnected(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    user_id = place.account(id).user_id

    async def refresh(api: PlatformHttp, client: Client, access: str, token: str | None) -> Tokens:
        await app.db.write(accounts.revoke, user_id, id, app.clock())
        return Tokens("new", "next", 7200)

    with pytest.raises(PlatformError):
        await tokens.refresh(scripted(app, refresh), id, because="test")
    row = place.account(id)
    assert (row.status, row.access_token, row.refresh_token) == ("revoked", None, None)


async def test_what_was_connected_anew_meanwhile_keeps_its_tokens(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    row = place.account(id)

    async def refresh(api: PlatformHttp, client: Client, access: str, token: str | None) -> Tokens:
        await connections.connect_with_token(
            app, row.user_id, str(row.platform_set_id), "twitter", "fresh", "fresh-refresh", 7200,
            row.platform_account_id, row.username,
        )  # fmt: skip
        raise Unclear("the answer was lost")

    with pytest.raises(PlatformError):
        await tokens.refresh(scripted(app, refresh), id, because="test")
    assert (await tokens.usable_account(app, id)).access_token == "fresh"
    assert not place.account(id).reconnect_required


async def test_a_dead_process_holds_the_lease_for_a_while_only(place: Place, app: App, connect: Connect) -> None:
    id = await connect("twitter", 60)
    now, later = app.clock(), app.clock() + timedelta(seconds=30)
    seen = place.account(id).access_token

    def taken(at: datetime, owner: str) -> tuple[Account | None, bool]:
        return app.db.write_here(rows.lease, id, seen, owner, at, at + timedelta(seconds=30))

    assert taken(now, "dead")[1] and not taken(now, "other")[1] and taken(later, "other")[1]
    app.db.write_here(rows.finish, id, seen, "dead", later, last_error="from the grave")
    assert place.account(id).last_error is None
