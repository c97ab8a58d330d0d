"""What can be done with a connected account, and connecting with tokens that are at hand."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from ampost_mcp.context import App
from ampost_mcp.errors import AppError
from ampost_mcp.services import connections, tokens
from brokers import BROKERS
from storage import tokens as rows
from tests.connect.conftest import PLATFORMS, Browser, arm, bearer, code_of, every_platform


async def test_the_same_identity_keeps_its_account_and_another_takes_its_place(browser: Browser) -> None:
    first = await browser.connect("threads")
    assert await browser.connect("threads") == first
    other = await browser.connect("threads", "1")
    assert other != first
    former = browser.place.account(first)
    assert (former.status, former.access_token, former.refresh_token) == ("revoked", None, None)
    listed = (await browser.http.get("/api/v1/accounts", headers=bearer(browser))).json()["accounts"]
    assert [each["id"] for each in listed] == [other]


async def test_no_token_lies_in_the_database_in_clear(browser: Browser) -> None:
    for platform in PLATFORMS:
        await browser.connect(platform)
    issued = [value for value in browser.place.world.tokens if value.startswith("sim-")]
    path = browser.place.app.settings.data_dir
    content = b"".join(file.read_bytes() for file in path.glob("ampost.db*"))
    assert len(issued) > len(PLATFORMS) and not [value for value in issued if value.encode() in content]


async def test_a_verifier_is_sealed_while_it_waits(browser: Browser) -> None:
    await browser.begin("twitter")
    rows = browser.place.app.db.read_here(
        lambda session: session.execute(text("SELECT verifier, state_hash FROM oauth_states ORDER BY created_at")).all()
    )
    assert rows[-1].verifier.startswith("v1.") and len(rows[-1].state_hash) == 64


@pytest.mark.parametrize("platform", [key for key in PLATFORMS if BROKERS[key].oauth.revoke])
async def test_disconnecting_clears_the_tokens_here_and_there(browser: Browser, platform: str) -> None:
    place, id = browser.place, await browser.connect(platform)
    token = tokens.opened(place.app, place.account(id), "access_token")
    answer = await browser.http.delete(f"/api/platforms/{platform}/disconnect", params={"accountId": id})
    assert answer.json() == {"success": True}
    row = place.account(id)
    assert (row.status, row.access_token, row.refresh_token) == ("revoked", None, None)
    assert place.world.token(platform, token) is None


async def test_disconnecting_works_without_the_platform(browser: Browser) -> None:
    id = await browser.connect("twitter")
    arm(browser.place, "twitter", "*", "error_before")
    answer = await browser.http.delete("/api/platforms/twitter/disconnect", params={"accountId": id})
    assert answer.json() == {"success": True} and browser.place.account(id).status == "revoked"
    again = await browser.http.delete("/api/platforms/twitter/disconnect", params={"accountId": id})
    assert (again.status_code, code_of(again)) == (404, "ACCOUNT_NOT_FOUND")


async def test_another_persons_account_does_not_exist(browser: Browser, stranger: Browser) -> None:
    id = await stranger.connect("threads")
    calls = [
        await browser.http.delete("/api/platforms/threads/disconnect", params={"accountId": id}),
        await browser.http.post("/api/platforms/threads/refresh", json={"accountId": id}),
        await browser.http.get("/api/platforms/threads/pages", params={"accountId": id}),
        await browser.http.post("/api/platforms/threads/pages", json={"accountId": id, "pageId": "1"}),
        await stranger.http.delete("/api/platforms/twitter/disconnect", params={"accountId": id}),
    ]
    assert [(answer.status_code, code_of(answer)) for answer in calls] == [(404, "ACCOUNT_NOT_FOUND")] * 5
    assert browser.place.account(id).status == "active"


@every_platform
async def test_a_refresh_brings_a_new_token_where_there_is_one(browser: Browser, platform: str) -> None:
    """Instagram and Threads renew no token in its first day, Facebook's Pages and LinkedIn's members (as a rule) never."""
    id = await browser.connect(platform)
    before = browser.place.account(id).access_token
    answer = await browser.http.post(f"/api/platforms/{platform}/refresh", json={"accountId": id})
    account, after = answer.json()["account"], browser.place.account(id)
    assert (account["id"], account["status"], account["tokenHealth"]["state"]) == (id, "active", "ok")
    assert account["tokenHealth"]["lastError"] is None and not after.reconnect_required
    is_new = platform in ("tiktok", "twitter", "youtube")
    assert (bool(account["tokenHealth"]["lastRefreshedAt"]), after.access_token != before) == (is_new, is_new)


async def test_a_refresh_that_nothing_can_mend_says_so(browser: Browser, app: App) -> None:
    id = await browser.connect("linkedin")
    app.db.write_here(rows.change, id, app.clock(), token_expires_at=app.clock())
    answer = await browser.http.post("/api/platforms/linkedin/refresh", json={"accountId": id})
    assert (answer.status_code, answer.json()["error"]["details"][0]["brokerCode"]) == (502, "AUTH_EXPIRED")


async def test_a_page_is_chosen_among_several(browser: Browser) -> None:
    id = await browser.connect("facebook")
    found = (await browser.http.get("/api/platforms/facebook/pages", params={"accountId": id})).json()["pages"]
    assert len(found) > 1 and set(found[0]) == {"id", "name", "avatarUrl"}
    row = browser.place.account(id)
    assert row.platform_account_id == found[0]["id"]
    answer = await browser.http.post("/api/platforms/facebook/pages", json={"accountId": id, "pageId": found[1]["id"]})
    assert answer.json()["account"]["platformAccountId"] == found[1]["id"]
    after = browser.place.account(id)
    assert after.access_token != row.access_token
    still = (await browser.http.get("/api/platforms/facebook/pages", params={"accountId": id})).json()["pages"]
    assert still == found
    wrong = await browser.http.post("/api/platforms/facebook/pages", json={"accountId": id, "pageId": "nobody"})
    assert wrong.status_code == 400


# -- with tokens at hand -----------------------------------------------------------------------------------------------


@every_platform
async def test_tokens_at_hand_connect_and_the_platform_says_whose_they_are(browser: Browser, app: App, platform: str) -> None:
    place = browser.place
    person = place.world.identity(platform, 2)
    id = await connections.connect_with_token(
        app, browser.user["id"], browser.set_id, platform, place.world.standing_token(platform, 2), None, 3600
    )
    row = place.account(id)
    assert row.platform_account_id and row.status == "active"
    assert row.username == person.username or (row.username is None and row.display_name)
    assert row.token_expires_at is None or row.token_expires_at > app.clock()


async def test_the_platform_is_not_asked_when_id_and_name_are_given(browser: Browser, app: App) -> None:
    place = browser.place
    id = await connections.connect_with_token(
        app, browser.user["id"], browser.set_id, "threads", "access", "refresh", 3600, "42", "ann"
    )
    row = place.account(id)
    assert (row.platform_account_id, row.username) == ("42", "ann") and not place.world.counts
    assert tokens.opened(app, row, "refresh_token") == "refresh"


async def test_a_bad_token_connects_nothing(browser: Browser, app: App) -> None:
    with pytest.raises(AppError) as caught:
        await connections.connect_with_token(app, browser.user["id"], browser.set_id, "threads", "nonsense", None, None)
    assert caught.value.details[0]["brokerCode"] == "PROFILE_FETCH_FAILED" and "nonsense" not in str(caught.value)
    assert caught.value.hint == "Get a new token from Threads and give that."


@every_platform
async def test_an_id_that_the_login_does_not_have_connects_nothing(browser: Browser, app: App, platform: str) -> None:
    token = browser.place.world.standing_token(platform, 2)

    async def connect(id: str | None) -> str:
        return await connections.connect_with_token(
            app, browser.user["id"], browser.set_id, platform, token, None, None, platform_account_id=id
        )

    its = browser.place.account(await connect(None)).platform_account_id
    assert browser.place.account(await connect(its)).platform_account_id == its
    with pytest.raises(AppError) as caught:
        await connect("nobody's")
    assert "nobody's" in caught.value.message and f"it has {its} (" in caught.value.message


async def test_one_of_several_pages_is_connected_by_its_id(browser: Browser, app: App) -> None:
    first = await browser.connect("facebook")
    token = str(tokens.opened(app, browser.place.account(first), "refresh_token"))
    pages = await connections.profiles_of(app, BROKERS["facebook"], token)
    ids = [page.platform_account_id for page in pages]
    assert len(ids) > 1

    async def connect(id: str | None) -> str:
        made = await connections.connect_with_token(
            app, browser.user["id"], browser.set_id, "facebook", token, None, None, platform_account_id=id
        )
        return browser.place.account(made).platform_account_id

    assert [await connect(id) for id in (None, *ids)] == [ids[0], *ids]
    with pytest.raises(AppError) as caught:
        await connect("0")
    assert all(id in caught.value.message for id in ids)
