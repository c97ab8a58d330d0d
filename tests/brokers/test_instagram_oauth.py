"""Connecting an Instagram account: code, short token, long token, refresh, profile, both logins."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from brokers.errors import PlatformError, Unclear
from brokers.instagram import BROKER
from brokers.oauth import Client
from brokers.platform_http import PlatformHttp
from tests.brokers.bench import api_for
from tests.brokers.consenting import consent, grant
from tests.serving import serving

DAY = 86400
CLIENT = Client("app-1", "app-secret", "https://ampost.example/api/platforms/instagram/callback")


@pytest.fixture
def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_a_code_becomes_a_token_of_sixty_days_that_knows_its_owner(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    assert (tokens.expires_in, tokens.refresh_token, tokens.scopes) == (60 * DAY, None, BROKER.oauth.scopes)
    (profile,) = await BROKER.profile(api, tokens.access_token)
    who = simulator.world.identity("instagram", 1)
    assert (profile.platform_account_id, profile.username, profile.display_name) == (who.id, who.username, who.name)
    assert profile.metadata == {"login": "instagram", "accountType": "BUSINESS"} and profile.access_token is None


async def test_a_bare_answer_to_the_code_is_read_too(simulator, api):
    code = (await consent(BROKER, simulator, CLIENT))["code"]
    short = simulator.world.issue("instagram", simulator.world.identity("instagram", 1).id, "access", ["*"], 60, life="short")
    simulator.world.arm_reply("instagram", "token", 200, {"access_token": short, "user_id": 1, "permissions": ["a", "b"]})
    tokens = await BROKER.oauth.exchange(api, CLIENT, code, None)
    assert tokens.scopes == ("a", "b") and tokens.access_token != short


async def test_an_answer_without_a_token_is_no_token(simulator, api):
    simulator.world.arm_reply("instagram", "token", 200, {"data": []})
    with pytest.raises(Unclear):
        await BROKER.oauth.exchange(api, CLIENT, "x", None)


async def test_a_code_is_good_once(simulator, api):
    code = (await consent(BROKER, simulator, CLIENT))["code"]
    await BROKER.oauth.exchange(api, CLIENT, code, None)
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.exchange(api, CLIENT, code, None)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "TOKEN_EXCHANGE_FAILED")


async def test_the_access_token_itself_is_refreshed(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    now = simulator.world.clock()
    simulator.world.clock = lambda: now + 50 * DAY
    fresh = await BROKER.oauth.refresh(api, CLIENT, tokens.access_token, None)
    assert BROKER.oauth.refreshes_access_token and fresh.expires_in == 60 * DAY
    simulator.world.clock = lambda: now + 100 * DAY
    assert len(await BROKER.profile(api, fresh.access_token)) == 1


async def test_an_expired_token_means_reconnecting(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    now = simulator.world.clock()
    simulator.world.clock = lambda: now + 61 * DAY
    for ask in (BROKER.oauth.refresh(api, CLIENT, tokens.access_token, None), BROKER.profile(api, tokens.access_token)):
        with pytest.raises(PlatformError) as caught:
            await ask
        assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_EXPIRED")


async def test_a_token_without_the_publishing_scope_cannot_publish(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT, scope="instagram_business_basic")
    with pytest.raises(PlatformError) as caught:
        await api.request("POST", "https://graph.instagram.com/v26.0/me/media", form={}, token=tokens.access_token)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_REVOKED")


async def test_a_facebook_token_brings_the_accounts_behind_its_pages(client):
    asked = []

    async def accounts(request):
        asked.append((request.headers["authorization"], request.query_params["fields"]))
        linked = {"id": "17", "username": "shop", "name": "Shop"}
        return JSONResponse({"data": [
            {"id": "1", "name": "Without"},
            {"id": "2", "name": "With", "access_token": "EAApage", "instagram_business_account": linked},
        ]})  # fmt: skip

    with serving(Starlette(routes=[Route("/graph.facebook.com/v26.0/me/accounts", accounts)])) as root:
        api = PlatformHttp(client, BROKER.read_error, BROKER.hosts, root=root)
        (profile,) = await BROKER.profile(api, "EAAuser")
    assert (profile.platform_account_id, profile.username, profile.access_token) == ("17", "shop", "EAApage")
    assert profile.metadata == {"login": "facebook", "pageId": "2"}
    assert asked[0][0] == "Bearer EAAuser" and "instagram_business_account" in asked[0][1]
    assert "EAApage" not in repr(profile)
