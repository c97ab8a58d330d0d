"""Connecting a LinkedIn account: consent, tokens with and without refresh, revocation, OpenID profile."""

from __future__ import annotations

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError
from brokers.linkedin import BROKER
from brokers.oauth import Client
from tests.brokers.bench import MemorySteps, account_on, api_for
from tests.brokers.consenting import grant

OAUTH = BROKER.oauth
PLAIN = Client("an-app", "a-secret", "https://ampost.test/callback")
APPROVED = Client("an-app-refresh", "a-secret", "https://ampost.test/callback")


@pytest.fixture
async def api(simulator, client):
    return api_for(BROKER, simulator, client)


async def test_a_code_becomes_a_token_that_works(simulator, api):
    tokens = await grant(BROKER, simulator, api, PLAIN)
    assert tokens.expires_in == 60 * 86400 and tokens.refresh_token is None
    assert set(tokens.scopes or ()) == set(OAUTH.scopes)
    account = account_on(simulator, "linkedin", 1, access_token=tokens.access_token)
    await BROKER.publish(api, account, Draft("Connected"), MemorySteps(api))
    assert simulator.world.ledger.posts[0].account_id == simulator.world.identity("linkedin", 1).id


async def test_the_profile_shows_openid_claims_and_the_organization_gate(simulator, api):
    tokens = await grant(BROKER, simulator, api, PLAIN)
    (profile,) = await BROKER.profile(api, tokens.access_token)
    person = simulator.world.identity("linkedin", 1)
    assert (profile.platform_account_id, profile.display_name) == (person.id, person.name)
    oidc, gate = profile.metadata["oidc"], BROKER.shown["organizationPosting"]
    assert (oidc["sub"], oidc["name"], oidc["givenName"], oidc["emailVerified"]) == (
        person.id, person.name, "Member", True,
    )  # fmt: skip
    assert gate["enabled"] is False and "organization" in gate["reason"]


async def test_an_approved_app_refreshes_with_the_same_token(simulator, api):
    first = await grant(BROKER, simulator, api, APPROVED)
    assert first.refresh_token and first.refresh_expires_in == pytest.approx(365 * 86400, abs=5)
    second = await OAUTH.refresh(api, APPROVED, first.access_token, first.refresh_token)
    assert second.access_token != first.access_token
    assert second.refresh_token == first.refresh_token and not OAUTH.rotates
    assert await BROKER.profile(api, second.access_token)


@pytest.mark.parametrize("refresh_token", [None, "not-a-token"])
async def test_without_a_good_refresh_token_the_account_must_be_connected_again(api, refresh_token):
    with pytest.raises(PlatformError) as refused:
        await OAUTH.refresh(api, APPROVED, "access", refresh_token)
    assert (refused.value.kind, refused.value.broker_code) == ("auth", "REFRESH_TOKEN_EXPIRED")
    assert "again" in (refused.value.hint or "")


async def test_a_code_is_good_once(simulator, api):
    await grant(BROKER, simulator, api, PLAIN)
    with pytest.raises(PlatformError) as refused:
        await OAUTH.exchange(api, PLAIN, "used-or-unknown", None)
    assert refused.value.kind == "auth"


async def test_a_client_without_its_secret_is_this_server_s_fault(api):
    with pytest.raises(PlatformError) as refused:
        await OAUTH.exchange(api, Client("an-app", "", PLAIN.redirect_uri), "code", None)
    assert (refused.value.kind, refused.value.broker_code) == ("config", "INVALID_CONFIG")


async def test_revoking_ends_access(simulator, api):
    tokens = await grant(BROKER, simulator, api, PLAIN)
    await OAUTH.revoke(api, PLAIN, tokens.access_token, None)
    with pytest.raises(PlatformError) as refused:
        await BROKER.profile(api, tokens.access_token)
    assert refused.value.kind == "auth"
