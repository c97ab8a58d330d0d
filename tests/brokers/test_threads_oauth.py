"""Connecting a Threads account: code, short token, long token, refresh, profile."""

from __future__ import annotations

import pytest

from brokers.errors import PlatformError
from brokers.oauth import Client
from brokers.threads import BROKER
from tests.brokers.bench import api_for
from tests.brokers.consenting import consent, grant

DAY = 86400
CLIENT = Client("app-1", "app-secret", "https://ampost.example/api/platforms/threads/callback")


@pytest.fixture
def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_a_code_becomes_a_token_of_sixty_days_that_knows_its_owner(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    assert tokens.expires_in == 60 * DAY and tokens.refresh_token is None
    (profile,) = await BROKER.profile(api, tokens.access_token)
    who = simulator.world.identity("threads", 1)
    assert (profile.platform_account_id, profile.username, profile.display_name) == (who.id, who.username, who.name)


async def test_a_code_is_good_once_and_its_second_use_ends_the_first(simulator, api):
    code = (await consent(BROKER, simulator, CLIENT))["code"]
    tokens = await BROKER.oauth.exchange(api, CLIENT, code, None)
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.exchange(api, CLIENT, code, None)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "TOKEN_EXCHANGE_FAILED")
    with pytest.raises(PlatformError) as caught:
        await BROKER.profile(api, tokens.access_token)
    assert caught.value.kind == "auth"


async def test_a_code_for_another_address_is_refused(simulator, api):
    code = (await consent(BROKER, simulator, CLIENT, redirect_uri="https://elsewhere.example/"))["code"]
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.exchange(api, CLIENT, code, None)
    assert caught.value.broker_code == "TOKEN_EXCHANGE_FAILED"


async def test_the_access_token_itself_is_refreshed(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    now = simulator.world.clock()
    simulator.world.clock = lambda: now + 50 * DAY
    fresh = await BROKER.oauth.refresh(api, CLIENT, tokens.access_token, None)
    assert BROKER.oauth.refreshes_access_token and fresh.refresh_token is None
    assert fresh.access_token != tokens.access_token and fresh.expires_in == 60 * DAY
    simulator.world.clock = lambda: now + 100 * DAY
    assert len(await BROKER.profile(api, fresh.access_token)) == 1


@pytest.mark.parametrize("age", [0.5, 61])
async def test_a_token_too_young_or_expired_is_not_refreshed(simulator, api, age):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    now = simulator.world.clock()
    simulator.world.clock = lambda: now + age * DAY
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.refresh(api, CLIENT, tokens.access_token, None)
    assert (caught.value.kind, caught.value.broker_code) == ("auth", "AUTH_EXPIRED")


async def test_a_token_without_the_publishing_scope_cannot_publish(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT, scope="threads_basic")
    with pytest.raises(PlatformError) as caught:
        await api.request(
            "POST", "https://graph.threads.net/v1.0/me/threads", form={"media_type": "TEXT", "text": "x"},
            token=tokens.access_token,
        )  # fmt: skip
    assert (caught.value.kind, caught.value.platform_code) == ("auth", "10")


async def test_a_person_may_deny(simulator):
    assert (await consent(BROKER, simulator, CLIENT, choose="deny"))["error"] == "access_denied"


async def test_no_secret_shows_in_an_error(simulator, api):
    with pytest.raises(PlatformError) as caught:
        await BROKER.oauth.exchange(api, CLIENT, "nonsense", None)
    assert CLIENT.client_secret not in repr(caught.value) + str(caught.value)


async def test_refresh_is_due_well_before_the_end():
    assert 1 * DAY < BROKER.oauth.refresh_before < 59 * DAY
