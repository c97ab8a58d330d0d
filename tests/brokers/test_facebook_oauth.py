"""Connecting Facebook Pages: code, user token, long-lived token, Page tokens, taking it back."""

from __future__ import annotations

import pytest

from brokers.base import Account, Draft
from brokers.errors import PlatformError, Unclear
from brokers.facebook import BROKER
from brokers.oauth import Client
from tests.brokers.bench import MemorySteps, api_for
from tests.brokers.consenting import consent, grant

CLIENT = Client("app-1", "app-secret", "https://ampost.example/api/platforms/facebook/callback")


@pytest.fixture
def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_a_login_becomes_one_profile_for_each_page(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    profiles = await BROKER.profile(api, tokens.access_token)
    pages = [simulator.world.identity("facebook", number) for number in (1, 1001)]
    assert [(p.platform_account_id, p.username, p.display_name) for p in profiles] == [
        (page.id, page.username, page.name) for page in pages
    ]
    assert all(profile.metadata == {"category": "Community"} and profile.avatar_url for profile in profiles)
    assert len({profile.access_token for profile in profiles} | {tokens.access_token}) == 3


async def test_each_page_posts_with_its_own_token_that_does_not_expire(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    assert (tokens.expires_in, tokens.refresh_token) == (None, tokens.access_token)
    profiles = await BROKER.profile(api, tokens.access_token)
    for profile in profiles:
        assert simulator.world.tokens[profile.access_token].expires_at is None
        account = Account("a", profile.platform_account_id, profile.username, profile.access_token)
        await BROKER.publish(api, account, Draft("Hello"), MemorySteps(api))
        assert simulator.world.ledger.posts[-1].account_id == profile.platform_account_id
    wrong = Account("a", profiles[0].platform_account_id, None, tokens.access_token)
    with pytest.raises(PlatformError) as refused:
        await BROKER.publish(api, wrong, Draft("As a person"), MemorySteps(api))
    assert refused.value.kind == "auth"


async def test_the_page_tokens_of_a_short_lived_login_would_expire(simulator, api):
    """So the exchange for the long-lived token is needed."""
    world = simulator.world
    page = world.identity("facebook", 1)
    short = world.issue("facebook", page.id, "access", ["*"], 60, life="short", pages={})
    for profile in await BROKER.profile(api, short):
        assert world.tokens[profile.access_token].expires_at


async def test_many_pages_come_over_several_requests(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    first = {"data": [{"id": "1", "access_token": "x"}], "paging": {"cursors": {"after": "1"}, "next": "https://..."}}
    simulator.world.arm_reply("facebook", "read", 200, first)
    second = simulator.world.identity("facebook", 1001)
    profiles = await BROKER.profile(api, tokens.access_token)
    assert [profile.platform_account_id for profile in profiles] == ["1", second.id]


async def test_a_page_token_knows_its_page(simulator, api):
    (profile,) = await BROKER.profile(api, simulator.world.standing_token("facebook", 3))
    who = simulator.world.identity("facebook", 3)
    assert (profile.platform_account_id, profile.display_name, profile.access_token) == (who.id, who.name, None)


async def test_a_login_without_pages_says_what_to_do(simulator, api):
    simulator.world.arm_reply("facebook", "read", 200, {"data": []})
    with pytest.raises(PlatformError) as refused:
        await BROKER.profile(api, "any")
    assert (refused.value.kind, refused.value.broker_code) == ("identity", "PROFILE_FETCH_FAILED")
    assert "Page" in refused.value.hint


async def test_a_refused_profile_is_not_hidden(simulator, api):
    with pytest.raises(PlatformError) as refused:
        await BROKER.profile(api, "wrong")
    assert (refused.value.kind, refused.value.broker_code) == ("auth", "AUTH_EXPIRED")


async def test_a_code_is_good_once_and_only_for_its_redirect(simulator, api):
    code = (await consent(BROKER, simulator, CLIENT))["code"]
    await BROKER.oauth.exchange(api, CLIENT, code, None)
    other = (await consent(BROKER, simulator, CLIENT))["code"]
    foreign = Client(CLIENT.client_id, CLIENT.client_secret, "https://other.example/callback")
    for who, used in ((CLIENT, code), (foreign, other)):
        with pytest.raises(PlatformError) as refused:
            await BROKER.oauth.exchange(api, who, used, None)
        assert (refused.value.kind, refused.value.broker_code) == ("auth", "TOKEN_EXCHANGE_FAILED")
        assert used not in str(refused.value) and CLIENT.client_secret not in str(refused.value)


async def test_an_answer_without_a_token_is_no_token(simulator, api):
    simulator.world.arm_reply("facebook", "token", 200, {"token_type": "bearer"})
    with pytest.raises(Unclear):
        await BROKER.oauth.exchange(api, CLIENT, "x", None)


async def test_denial_comes_back_as_an_error(simulator):
    assert (await consent(BROKER, simulator, CLIENT, choose="deny"))["error"] == "access_denied"


async def test_a_permission_that_was_not_granted_is_missed_when_posting(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT, scope="pages_show_list,pages_read_engagement")
    profile = (await BROKER.profile(api, tokens.access_token))[0]
    account = Account("a", profile.platform_account_id, None, profile.access_token)
    with pytest.raises(PlatformError) as refused:
        await BROKER.publish(api, account, Draft("Hello"), MemorySteps(api))
    assert refused.value.broker_code == "AUTH_REVOKED" and "permission" in refused.value.hint


async def test_revoking_ends_the_persons_and_the_pages_tokens(simulator, api):
    tokens = await grant(BROKER, simulator, api, CLIENT)
    page = (await BROKER.profile(api, tokens.access_token))[0]
    await BROKER.oauth.revoke(api, CLIENT, page.access_token, tokens.refresh_token)
    for token in (tokens.access_token, page.access_token):
        assert simulator.world.token("facebook", token) is None


def test_nothing_is_refreshed():
    assert BROKER.oauth.refresh is None and not BROKER.oauth.refreshes_access_token
