"""Connecting an X account: consent, PKCE, refresh tokens that are good once, revocation, profile."""

from __future__ import annotations

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError
from brokers.oauth import Client
from brokers.twitter import BROKER
from tests.brokers.bench import MemorySteps, account_on, api_for
from tests.brokers.consenting import VERIFIER, consent, grant

OAUTH = BROKER.oauth
CONFIDENTIAL = Client("an-app", "a-secret", "https://ampost.test/callback")
PUBLIC = Client("an-app", "", "https://ampost.test/callback")


@pytest.fixture
async def api(simulator, client):
    return api_for(BROKER, simulator, client)


@pytest.mark.parametrize("who", [CONFIDENTIAL, PUBLIC], ids=["confidential", "public"])
async def test_a_code_becomes_tokens_that_work(simulator, api, who):
    tokens = await grant(BROKER, simulator, api, who)
    assert (tokens.expires_in, tokens.scopes) == (7200, OAUTH.scopes)
    (profile,) = await BROKER.profile(api, tokens.access_token)
    person = simulator.world.identity("twitter", 1)
    assert (profile.platform_account_id, profile.username, profile.display_name) == (
        person.id, person.username, person.name,
    )  # fmt: skip
    assert profile.avatar_url and profile.metadata == {"protected": False, "verifiedType": "none"}
    account = account_on(simulator, "twitter", 1, access_token=tokens.access_token)
    await BROKER.publish(api, account, Draft("Connected"), MemorySteps(api))
    assert simulator.world.ledger.posts[0].account_id == person.id


@pytest.mark.parametrize("wrong", ["code", "verifier", "redirect"])
async def test_a_code_that_does_not_fit_is_refused(simulator, api, wrong):
    code = (await consent(BROKER, simulator, CONFIDENTIAL))["code"]
    who = Client("an-app", "a-secret", "https://elsewhere.test/") if wrong == "redirect" else CONFIDENTIAL
    with pytest.raises(PlatformError) as refused:
        await OAUTH.exchange(api, who, "x" if wrong == "code" else code, "w" * 64 if wrong == "verifier" else VERIFIER)
    assert refused.value.kind == "auth"


async def test_a_code_is_good_once(simulator, api):
    code = (await consent(BROKER, simulator, CONFIDENTIAL))["code"]
    tokens = await OAUTH.exchange(api, CONFIDENTIAL, code, VERIFIER)
    with pytest.raises(PlatformError):
        await OAUTH.exchange(api, CONFIDENTIAL, code, VERIFIER)
    with pytest.raises(PlatformError):
        await BROKER.profile(api, tokens.access_token)


async def test_a_refresh_token_rotates_and_its_reuse_ends_everything(simulator, api):
    assert OAUTH.rotates
    first = await grant(BROKER, simulator, api, CONFIDENTIAL)
    second = await OAUTH.refresh(api, CONFIDENTIAL, first.access_token, first.refresh_token)
    assert second.refresh_token not in (None, first.refresh_token)
    assert (await BROKER.profile(api, second.access_token))[0].username
    with pytest.raises(PlatformError) as refused:
        await OAUTH.refresh(api, CONFIDENTIAL, first.access_token, first.refresh_token)
    assert (refused.value.kind, refused.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")
    with pytest.raises(PlatformError) as dead:
        await BROKER.profile(api, second.access_token)
    assert dead.value.broker_code == "AUTH_EXPIRED"


async def test_without_a_refresh_token_the_account_must_be_connected_again(api):
    with pytest.raises(PlatformError) as refused:
        await OAUTH.refresh(api, CONFIDENTIAL, "access", None)
    assert (refused.value.kind, refused.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")


async def test_an_unknown_client_is_this_server_s_fault(simulator, api):
    code = (await consent(BROKER, simulator, CONFIDENTIAL))["code"]
    with pytest.raises(PlatformError) as refused:
        await OAUTH.exchange(api, Client("", "a-secret", CONFIDENTIAL.redirect_uri), code, VERIFIER)
    assert (refused.value.kind, refused.value.broker_code) == ("config", "INVALID_CONFIG")


async def test_revoking_ends_access(simulator, api):
    tokens = await grant(BROKER, simulator, api, CONFIDENTIAL)
    await OAUTH.revoke(api, CONFIDENTIAL, tokens.access_token, tokens.refresh_token)
    with pytest.raises(PlatformError):
        await BROKER.profile(api, tokens.access_token)
    with pytest.raises(PlatformError):
        await OAUTH.refresh(api, CONFIDENTIAL, tokens.access_token, tokens.refresh_token)


async def test_no_credential_stands_in_an_address_or_an_error(simulator, api):
    tokens = await grant(BROKER, simulator, api, CONFIDENTIAL)
    simulator.world.revoke_family(simulator.world.tokens[tokens.access_token].family)
    said = []
    for call in (
        OAUTH.refresh(api, CONFIDENTIAL, tokens.access_token, tokens.refresh_token),
        BROKER.profile(api, tokens.access_token),
    ):
        with pytest.raises(PlatformError) as refused:
            await call
        said.append(repr(refused.value))
    for secret in (tokens.access_token, tokens.refresh_token, CONFIDENTIAL.client_secret):
        assert secret not in " ".join(said)


async def test_a_scope_that_was_not_granted_is_missed(simulator, api):
    code = (await consent(BROKER, simulator, CONFIDENTIAL, scope="tweet.read users.read offline.access"))["code"]
    tokens = await OAUTH.exchange(api, CONFIDENTIAL, code, VERIFIER)
    account = account_on(simulator, "twitter", 1, access_token=tokens.access_token)
    with pytest.raises(PlatformError) as refused:
        await BROKER.publish(api, account, Draft("Not allowed"), MemorySteps(api))
    assert refused.value.status == 403 and "every permission" in (refused.value.hint or "")
    assert simulator.world.ledger.posts == []
