"""Connecting TikTok against the simulator: client_key, comma scopes, refresh tokens that are good once."""

from __future__ import annotations

import pytest

from brokers.errors import PlatformError
from brokers.oauth import Client
from brokers.sandbox.tiktok import errors
from brokers.sandbox.tiktok_answers import OAUTH as OAUTH_CODES
from brokers.tiktok import BROKER
from brokers.tiktok.errors import REFUSALS
from tests.brokers.bench import api_for
from tests.brokers.consenting import consent, grant

CLIENT = Client("key", "hush", "https://ampost.example/api/platforms/tiktok/callback")
OAUTH = BROKER.oauth


@pytest.fixture
async def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_consent_grants_tokens_and_the_creator_is_known(api, simulator):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    assert (tokens.expires_in, tokens.refresh_expires_in) == (7200, 180 * 86400)
    assert tokens.scopes == OAUTH.scopes
    who = simulator.world.identity("tiktok", 1)
    who.extra["disabled"] = ("duet",)
    (profile,) = await BROKER.profile(api, tokens.access_token)
    assert (profile.platform_account_id, profile.username, profile.display_name) == (who.id, who.username, who.name)
    assert profile.avatar_url
    assert profile.metadata == {
        "privacyLevelOptions": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
        "disabledInteractions": ["duet"], "maxVideoSeconds": 600,
    }  # fmt: skip


async def test_a_profile_does_not_need_the_creator(api, simulator):
    status, headers, body = errors()["rate_limit_exceeded"]
    token = simulator.world.standing_token("tiktok")
    read = await BROKER.profile(api, token)
    simulator.world.arm_reply("tiktok", "read", 200, {"data": {"user": {"open_id": "x"}}, "error": {"code": "ok"}})
    simulator.world.arm_reply("tiktok", "read", status, body, headers)
    (profile,) = await BROKER.profile(api, token)
    assert read[0].username and (profile.platform_account_id, profile.username, profile.metadata) == ("x", None, {})


async def test_a_denied_consent_comes_back_without_a_code(simulator):
    assert (await consent(BROKER, simulator, CLIENT, choose="deny"))["error"] == "access_denied"


async def test_a_code_is_good_once(api, simulator):
    code = (await consent(BROKER, simulator, CLIENT))["code"]
    await OAUTH.exchange(api, CLIENT, code, None)
    with pytest.raises(PlatformError) as caught:
        await OAUTH.exchange(api, CLIENT, code, None)
    assert caught.value.platform_code == "invalid_grant"


async def test_a_refresh_uses_the_refresh_token_up(api, simulator):
    first = await grant(BROKER, simulator, api, CLIENT)
    second = await OAUTH.refresh(api, CLIENT, first.access_token, first.refresh_token)
    assert second.refresh_token and second.refresh_token != first.refresh_token
    assert await BROKER.profile(api, second.access_token)
    with pytest.raises(PlatformError) as caught:
        await OAUTH.refresh(api, CLIENT, first.access_token, first.refresh_token)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")
    assert await OAUTH.refresh(api, CLIENT, second.access_token, second.refresh_token)


async def test_a_revoked_grant_must_be_connected_again(api, simulator):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    await OAUTH.revoke(api, CLIENT, tokens.access_token, tokens.refresh_token)
    with pytest.raises(PlatformError) as caught:
        await BROKER.profile(api, tokens.access_token)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_EXPIRED")
    with pytest.raises(PlatformError):
        await OAUTH.refresh(api, CLIENT, tokens.access_token, tokens.refresh_token)


async def test_without_a_refresh_token_the_account_must_be_connected_again(api):
    with pytest.raises(PlatformError) as caught:
        await OAUTH.refresh(api, CLIENT, "a", None)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")


@pytest.mark.parametrize("code", sorted(OAUTH_CODES))
@pytest.mark.parametrize("with_200", [False, True])
async def test_every_oauth_error_is_understood(api, simulator, code, with_200):
    status, headers, body = errors()[code]
    simulator.world.arm_reply("tiktok", "token", 200 if with_200 else status, body, headers)
    with pytest.raises(PlatformError) as caught:
        await OAUTH.refresh(api, CLIENT, "a", "r")
    row, said = REFUSALS[code], caught.value
    assert (said.kind, said.broker_code, said.hint, said.platform_code) == (row.kind, row.broker_code, row.hint, code)
