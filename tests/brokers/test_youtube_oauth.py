"""Connecting YouTube against the simulator: consent, tokens, refresh, revoke, the channel's profile."""

from __future__ import annotations

import pytest

from brokers.errors import PlatformError
from brokers.oauth import Client
from brokers.sandbox.youtube import errors
from brokers.sandbox.youtube_answers import OAUTH as OAUTH_REASONS
from brokers.youtube import BROKER
from brokers.youtube.errors import REFUSALS
from tests.brokers.bench import api_for
from tests.brokers.consenting import consent, grant

CLIENT = Client("client", "hush", "https://ampost.example/api/platforms/youtube/callback")


@pytest.fixture
async def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_consent_grants_tokens_and_the_channel_is_known(api, simulator):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    assert tokens.expires_in == 3599 and tokens.refresh_token
    assert tokens.scopes == BROKER.oauth.scopes
    (profile,) = await BROKER.profile(api, tokens.access_token)
    who = simulator.world.identity("youtube", 1)
    assert (profile.platform_account_id, profile.username, profile.display_name) == (who.id, who.username, who.name)
    assert profile.avatar_url


async def test_a_denied_consent_comes_back_without_a_code(simulator):
    assert (await consent(BROKER, simulator, CLIENT, choose="deny"))["error"] == "access_denied"


async def test_only_offline_access_with_consent_gives_a_refresh_token(api, simulator):
    assert (await grant(BROKER, simulator, api, CLIENT, access_type="online")).refresh_token is None


async def test_a_code_needs_its_verifier(api, simulator):
    back = await consent(BROKER, simulator, CLIENT)
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.exchange(api, CLIENT, back["code"], "w" * 64)
    assert caught.value.platform_code == "invalid_grant"


async def test_refreshing_keeps_the_refresh_token(api, simulator):
    first = await grant(BROKER, simulator, api, CLIENT)
    for _ in range(2):
        fresh = await BROKER.oauth.refresh(api, CLIENT, first.access_token, first.refresh_token)
        assert fresh.refresh_token is None and fresh.access_token != first.access_token
        assert await BROKER.profile(api, fresh.access_token)


async def test_a_revoked_grant_must_be_connected_again(api, simulator):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    await BROKER.oauth.revoke(api, CLIENT, tokens.access_token, tokens.refresh_token)
    with pytest.raises(PlatformError) as used:
        await BROKER.profile(api, tokens.access_token)
    assert (used.value.kind, used.value.broker_code) == ("auth", "AUTH_EXPIRED")
    with pytest.raises(PlatformError) as refreshed:
        await BROKER.oauth.refresh(api, CLIENT, tokens.access_token, tokens.refresh_token)
    assert (refreshed.value.kind, refreshed.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")


async def test_without_a_refresh_token_the_account_must_be_connected_again(api):
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.refresh(api, CLIENT, "a", None)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")


async def test_a_google_account_without_a_channel_is_said(api, simulator):
    simulator.world.identity("youtube").extra["no_channel"] = True
    with pytest.raises(PlatformError) as caught:
        await BROKER.profile(api, simulator.world.standing_token("youtube"))
    assert caught.value.broker_code == "PROFILE_FETCH_FAILED" and "channel" in caught.value.hint


@pytest.mark.parametrize("reason", sorted(OAUTH_REASONS))
async def test_every_oauth_error_is_understood(api, simulator, reason):
    status, headers, body = errors()[reason]
    simulator.world.arm_reply("youtube", "token", status, body, headers)
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.refresh(api, CLIENT, "a", "r")
    row, said = REFUSALS[reason], caught.value
    assert (said.kind, said.broker_code, said.hint, said.platform_code) == (row.kind, row.broker_code, row.hint, reason)
