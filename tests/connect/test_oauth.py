"""Connecting accounts: the whole way on every platform, and every way that must not work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from ampost_mcp.services import connections, tokens
from ampost_mcp.tiers import LIMITS
from brokers import BROKERS
from brokers.oauth import Client
from tests.connect.conftest import PLATFORMS, Browser, Place, arm, bearer, browser_of, code_of, every_platform


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def asked_for_tokens(place: Place) -> int:
    return sum(count for (_, step), count in place.world.counts.items() if step == "token")


@every_platform
async def test_an_account_is_connected(browser: Browser, app: App, platform: str) -> None:
    place, broker = browser.place, BROKERS[platform]
    url = await browser.begin(platform)
    asked = query_of(url)
    assert asked["scope"].split(broker.oauth.scope_separator) == list(broker.oauth.scopes)
    assert asked["redirect_uri"] == f"{place.url}/api/platforms/{platform}/callback"
    assert ("code_challenge" in asked) == (broker.oauth.pkce is not None)
    answer = await browser.come_back(platform, await browser.consent(url, "1"))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/accounts?connected=")
    id = query_of(answer.headers["location"])["connected"]
    (shown,) = (await browser.http.get("/api/v1/accounts", headers=bearer(browser))).json()["accounts"]
    row = place.account(id)
    assert (shown["id"], shown["platformSetId"], shown["status"]) == (id, browser.set_id, "active")
    assert shown["tokenHealth"]["state"] == "ok" and shown["scopes"]
    assert row.access_token and row.access_token.startswith("v1.") and "sim-" not in str(shown)
    token = tokens.opened(app, row, "access_token")
    profiles = await broker.profile(tokens.api_for(app, broker), str(token))
    assert profiles[0].platform_account_id == row.platform_account_id


async def test_the_address_is_the_real_one_unless_the_server_brought_the_simulator(browser: Browser) -> None:
    answer = await browser.http.get("/api/platforms/threads/auth-url", params={"platformSetId": browser.set_id})
    assert answer.json()["url"].startswith("https://threads.net/oauth/authorize?")
    app = changed(browser.place.app, sandbox=True)
    url = await connections.auth_url(app, caller_of(browser), "threads", browser.set_id, "/")
    assert url.startswith(f"{browser.place.simulator}/threads.net/oauth/authorize?")


async def test_a_registration_is_used_when_there_is_one_and_needed_without_a_simulator(browser: Browser) -> None:
    own = Client("my-app", "my-secret", "https://mine.example/back")
    app = changed(browser.place.app, clients={"threads": own})
    asked = query_of(await connections.auth_url(app, caller_of(browser), "threads", browser.set_id, "/"))
    assert (asked["client_id"], asked["redirect_uri"]) == ("my-app", "https://mine.example/back")
    app = changed(browser.place.app, platforms_url="")
    with pytest.raises(AppError) as caught:
        await connections.auth_url(app, caller_of(browser), "threads", browser.set_id, "/")
    assert caught.value.details[0]["brokerCode"] == "INVALID_CONFIG"
    assert "THREADS_CLIENT_ID" in str(caught.value.hint)


def changed(app: App, **settings: Any) -> App:
    return replace(app, settings=app.settings.model_copy(update=settings))


def caller_of(browser: Browser) -> Caller:
    user = browser.user
    return Caller(user["id"], user["email"], user["tier"], user["owner_tag"], session_id="a session")


# -- what must not work ------------------------------------------------------------------------------------------------


@every_platform
async def test_a_state_is_good_once(browser: Browser, platform: str) -> None:
    back = await browser.consent(await browser.begin(platform))
    assert (await browser.come_back(platform, back)).status_code == 303
    before = asked_for_tokens(browser.place)
    answer = await browser.come_back(platform, back)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert asked_for_tokens(browser.place) == before


@every_platform
async def test_a_state_of_another_browser_is_refused_and_stays_good_for_its_own(
    browser: Browser, stranger: Browser, platform: str
) -> None:
    back = await stranger.consent(await stranger.begin(platform))
    assert (await browser.come_back(platform, back)).status_code == 403
    assert asked_for_tokens(browser.place) == 0
    assert (await stranger.come_back(platform, back)).status_code == 303


@every_platform
async def test_a_state_is_bound_to_the_session_not_only_to_the_user(browser: Browser, platform: str) -> None:
    back = await browser.consent(await browser.begin(platform))
    async with browser_of(browser.place, browser.user) as again:
        assert (await again.come_back(platform, back)).status_code == 403
    assert asked_for_tokens(browser.place) == 0


@every_platform
async def test_a_state_is_too_old_after_ten_minutes(browser: Browser, platform: str) -> None:
    back = await browser.consent(await browser.begin(platform))
    app = browser.place.app
    before = app.clock
    app.clock = lambda: before() + timedelta(minutes=10, seconds=1)
    try:
        assert (await browser.come_back(platform, back)).status_code == 403
    finally:
        app.clock = before
    assert asked_for_tokens(browser.place) == 0


@every_platform
async def test_a_state_of_another_platform_is_refused_and_used_up(browser: Browser, platform: str) -> None:
    back = await browser.consent(await browser.begin(platform))
    another = PLATFORMS[PLATFORMS.index(platform) - 1]
    assert (await browser.come_back(another, back)).status_code == 403
    assert (await browser.come_back(platform, back)).status_code == 403
    assert asked_for_tokens(browser.place) == 0


@pytest.mark.parametrize("iss", ["https://evil.example", "http://threads.net", "https://threads.net.evil.example", ""])
async def test_an_answer_of_another_issuer_is_refused(browser: Browser, iss: str) -> None:
    back = await browser.consent(await browser.begin("threads"))
    assert (await browser.come_back("threads", back | {"iss": iss})).status_code == 403
    assert asked_for_tokens(browser.place) == 0


async def test_the_platforms_own_issuer_is_fine(browser: Browser) -> None:
    back = await browser.consent(await browser.begin("threads"))
    assert (await browser.come_back("threads", back | {"iss": "https://threads.net"})).status_code == 303


@pytest.mark.parametrize("query", [{}, {"state": ""}, {"code": "x"}, {"state": "made-up", "code": "x"}])
async def test_a_callback_out_of_the_blue_is_refused(browser: Browser, query: dict[str, str]) -> None:
    answer = await browser.come_back("threads", query)
    assert answer.status_code == (403 if query.get("state") else 400)
    assert asked_for_tokens(browser.place) == 0


async def test_a_parameter_that_stands_twice_is_refused(browser: Browser) -> None:
    back = await browser.consent(await browser.begin("threads"))
    url = f"/api/platforms/threads/callback?state={back['state']}&code={back['code']}&code=another"
    assert (await browser.http.get(url)).status_code == 400
    assert asked_for_tokens(browser.place) == 0


async def test_a_persons_no_is_told_and_ends_the_state(browser: Browser) -> None:
    back = await browser.consent(await browser.begin("threads"), "deny")
    answer = await browser.come_back("threads", back)
    assert answer.status_code == 403 and "access_denied" in answer.json()["error"]["message"]
    assert (await browser.come_back("threads", {"state": back["state"], "code": "x"})).status_code == 403
    assert asked_for_tokens(browser.place) == 0


async def test_nobody_signed_in_is_sent_to_the_login_or_told(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        path = "/api/platforms/threads/callback?state=s&code=c"
        assert (await http.get(path)).status_code == 401
        answer = await http.get(path, headers={"accept": "text/html"})
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next=%2Fapi%2Fplatforms")


async def test_a_browser_gets_a_page(browser: Browser) -> None:
    answer = await browser.http.get("/api/platforms/threads/callback?state=made-up&code=c", headers={"accept": "text/html"})
    assert answer.status_code == 403 and answer.headers["content-type"].startswith("text/html")
    assert "not begun here" in answer.text


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "accounts", "/a b", "/\u00e4", "", "/" + "x" * 600]
)
async def test_the_way_back_is_a_path_here(browser: Browser, path: str) -> None:
    answer = await browser.http.get("/api/platforms/threads/auth-url", params={"platformSetId": browser.set_id, "returnTo": path})
    assert answer.status_code == 400 and answer.json()["error"]["details"][0]["field"] == "returnTo"


async def test_the_way_back_keeps_its_query(browser: Browser) -> None:
    back = await browser.consent(await browser.begin("threads", returnTo="/sets?tab=2"))
    location = (await browser.come_back("threads", back)).headers["location"]
    assert location.startswith("/sets?tab=2&connected=")


async def test_only_ones_own_set_can_be_connected_to(browser: Browser, stranger: Browser) -> None:
    params = {"platformSetId": stranger.set_id}
    answer = await browser.http.get("/api/platforms/threads/auth-url", params=params)
    assert (answer.status_code, code_of(answer)) == (404, "PLATFORM_SET_NOT_FOUND")


async def test_there_are_only_known_platforms(browser: Browser) -> None:
    answer = await browser.http.get("/api/platforms/bluesky/auth-url", params={"platformSetId": browser.set_id})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")


async def test_starting_a_connection_is_limited(place: Place) -> None:
    async with browser_of(place, place.user("free")) as browser:
        for _ in range(5):
            await browser.begin("threads")
        params = {"platformSetId": browser.set_id}
        answer = await browser.http.get("/api/platforms/threads/auth-url", params=params)
        assert answer.status_code == 429 and "retry-after" in answer.headers


async def test_refreshing_starts_no_connection(browser: Browser) -> None:
    id, reads = await browser.connect("threads"), str(LIMITS["apiRead"][0]["max"])
    answer = await browser.http.post("/api/platforms/threads/refresh", json={"accountId": id})
    assert (answer.status_code, answer.headers["x-ratelimit-limit"]) == (200, reads)
    answer = await browser.http.post(f"/accounts/threads/{id}/refresh")
    assert (answer.status_code, answer.headers["x-ratelimit-limit"]) == (303, reads)


# -- what the platform does --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["refuse", "error_before", "hang", "lose_answer", "truncate"])
async def test_a_code_that_brings_no_tokens_is_a_failure(browser: Browser, fault: str) -> None:
    back = await browser.consent(await browser.begin("twitter"))
    arm(browser.place, "twitter", "token", fault)
    answer = await browser.come_back("twitter", back)
    assert (answer.status_code, code_of(answer)) == (502, "TOKEN_EXCHANGE_FAILED")
    assert asked_for_tokens(browser.place) == 1
    assert (await browser.http.get("/api/v1/accounts", headers=bearer(browser))).json() == {"accounts": []}


@every_platform
@pytest.mark.parametrize(("step", "code"), [("token", "TOKEN_EXCHANGE_FAILED"), ("read", "PROFILE_FETCH_FAILED")])
async def test_a_refusal_says_to_begin_again_and_nothing_about_a_post(
    browser: Browser, platform: str, step: str, code: str
) -> None:
    back = await browser.consent(await browser.begin(platform))
    if step == "token":
        back["code"] = "made-up"
    else:
        arm(browser.place, platform, step, "refuse")
    answer = await browser.come_back(platform, back)
    assert (answer.status_code, code_of(answer)) == (502, code)
    hint = str(answer.json()["error"]["hint"])
    assert "egin again at /accounts." in hint or (platform, step) == ("linkedin", "read")  # that is the app's fault
    assert "retry" not in hint and " post" not in hint


async def test_a_token_without_a_profile_is_a_failure(browser: Browser) -> None:
    back = await browser.consent(await browser.begin("twitter"))
    arm(browser.place, "twitter", "read", "error_before")
    answer = await browser.come_back("twitter", back)
    assert (answer.status_code, code_of(answer)) == (502, "PROFILE_FETCH_FAILED")
