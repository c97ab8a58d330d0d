"""Signing in and out, and where a session counts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.requests import Request

from ampost_mcp.services import sessions
from tests.connect.conftest import PASSWORD, Browser, Place


async def post(place: Place, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        return await http.post(path, **options)


async def test_a_login_sets_a_cookie_that_scripts_cannot_read(place: Place) -> None:
    user = place.user("pro")
    answer = await post(place, "/api/auth/login", json={"email": user["email"].upper(), "password": PASSWORD})
    assert answer.json() == {"user": {"id": user["id"], "email": user["email"], "tier": "pro"}}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and answer.headers["cache-control"] == "no-store"


async def test_the_cookie_is_for_https_alone_when_the_server_is(place: Place) -> None:
    assert not sessions.secure_cookie(place.app)
    settings = place.app.settings.model_copy(update={"public_url": "https://post.example.com"})
    app = place.app.__class__(settings, place.app.db, place.app.keyring, place.app.http, place.app.brokers)
    assert sessions.secure_cookie(app)


@pytest.mark.parametrize("email", ["known", "nobody@example.com", "", "\ud7ff", "x" * 300])
async def test_a_wrong_password_and_an_unknown_person_look_the_same(place: Place, email: str) -> None:
    email = place.user()["email"] if email == "known" else email
    answer = await post(place, "/api/auth/login", json={"email": email, "password": "wrong"})
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "UNAUTHORIZED"
    assert answer.json()["error"]["message"] == "The e-mail address or the password is wrong."
    assert "set-cookie" not in answer.headers and answer.headers["www-authenticate"] == "Bearer"


async def test_a_user_without_a_password_cannot_sign_in(place: Place) -> None:
    from ampost_mcp.services import users

    made = place.app.db.write_here(users.create, place.app.clock(), "no-password@example.com", "max")
    answer = await post(place, "/api/auth/login", json={"email": made["email"], "password": ""})
    assert answer.status_code == 401


async def test_guessing_is_stopped(place: Place) -> None:
    wrong = {"email": place.user()["email"], "password": "wrong"}
    for _ in range(sessions.FAILURES["pair"]):
        assert (await post(place, "/api/auth/login", json=wrong)).status_code == 401
    answer = await post(place, "/api/auth/login", json=wrong)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 60
    other = {"email": place.user()["email"], "password": PASSWORD}
    assert (await post(place, "/api/auth/login", json=other)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"email": 1, "password": "x"}, {"email": "a", "password": "b", "more": 1}])
async def test_a_login_of_another_shape_is_refused(place: Place, body: dict[str, Any]) -> None:
    answer = await post(place, "/api/auth/login", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "VALIDATION_FAILED"


async def test_the_cookie_is_not_stored(browser: Browser) -> None:
    value = browser.http.cookies[sessions.COOKIE]
    stored = browser.place.app.db.read_here(
        lambda session: {row[0] for row in session.execute(text("SELECT id_hash FROM web_sessions"))}
    )
    assert hashlib.sha256(value.encode()).hexdigest() in stored and value not in stored


async def test_signing_out_ends_the_session_everywhere(browser: Browser) -> None:
    value = browser.http.cookies[sessions.COOKIE]
    assert (await browser.http.post("/api/auth/logout")).json() == {"success": True}
    browser.http.cookies.set(sessions.COOKIE, value)
    assert (await browser.http.get("/api/keys")).status_code == 401


async def test_a_session_ends_by_itself(browser: Browser) -> None:
    assert (await browser.http.get("/api/keys")).status_code == 200
    app = browser.place.app
    before = app.clock
    app.clock = lambda: before() + sessions.LIFE + timedelta(minutes=1)
    try:
        assert (await browser.http.get("/api/keys")).status_code == 401
    finally:
        app.clock = before


# -- requests from elsewhere -------------------------------------------------------------------------------------------

FOREIGN: list[dict[str, str]] = [
    {}, {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "none"},
]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/keys"), ("DELETE", "/api/keys/x"), ("POST", "/api/auth/logout"), ("POST", "/api/platforms/sets"),
     ("POST", "/api/posts"), ("POST", "/sets"), ("DELETE", "/api/platforms/threads/disconnect?accountId=x")],
)  # fmt: skip
async def test_a_change_from_elsewhere_is_refused(browser: Browser, method: str, path: str, headers: dict[str, str]) -> None:
    del browser.http.headers["origin"]
    answer = await browser.http.request(method, path, headers=headers)
    assert answer.status_code == 403, answer.text


async def test_origin_and_fetch_site_must_not_contradict_each_other(browser: Browser) -> None:
    answer = await browser.http.post("/api/keys", json={"name": "x"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("public_url", "scheme", "origin", "is_ours"),
    [
        ("https://api.example.com", "http", "https://api.example.com", True),
        ("https://API.example.com:443", "http", "https://api.example.com", True),
        ("https://api.example.com", "http", "http://api.example.com", False),
        ("https://api.example.com", "http", "https://api.example.com:8443", False),
        ("https://api.example.com", "http", "http://inside.example:8080", True),
        ("https://api.example.com", "https", "https://inside.example:8080", True),
        ("https://api.example.com", "http", "https://inside.example:8080", False),
        ("https://api.example.com", "http", "null", False),
        ("https://api.example.com", "http", "http://[", False),
        ("https://api.example.com", "http", "", False),
    ],
)
def test_an_origin_is_ours_with_its_scheme_and_its_port(
    place: Place, public_url: str, scheme: str, origin: str, is_ours: bool
) -> None:
    settings = place.app.settings.model_copy(update={"public_url": public_url})
    app = replace(place.app, settings=settings, extras={})
    headers = [(b"host", b"inside.example:8080"), (b"origin", origin.encode())]
    request = Request({"type": "http", "method": "POST", "scheme": scheme, "headers": headers})
    assert sessions.is_same_origin(app, request) == is_ours


async def test_our_own_pages_may_change_things(browser: Browser) -> None:
    assert (await browser.http.post("/api/keys", json={"name": "by origin"})).status_code == 201
    del browser.http.headers["origin"]
    headers = {"sec-fetch-site": "same-origin"}
    assert (await browser.http.post("/api/keys", json={"name": "by site"}, headers=headers)).status_code == 201


async def test_nobody_is_signed_in_from_another_site(place: Place) -> None:
    body = {"email": place.user()["email"], "password": PASSWORD}
    answer = await post(place, "/api/auth/login", json=body, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


# -- keys --------------------------------------------------------------------------------------------------------------


async def test_keys_are_made_listed_and_revoked(browser: Browser) -> None:
    made = await browser.http.post("/api/keys", json={"name": "laptop"})
    raw, key = made.json()["rawKey"], made.json()["key"]
    assert made.status_code == 201 and raw.startswith("amp_live_") and made.headers["cache-control"] == "no-store"
    listed = (await browser.http.get("/api/keys")).json()["keys"]
    assert [each["id"] for each in listed] == [key["id"]] and raw not in str(listed)
    bearer = {"authorization": f"Bearer {raw}"}
    assert (await browser.http.get("/api/v1/posts", headers=bearer)).status_code == 200
    assert (await browser.http.delete(f"/api/keys/{key['id']}")).json() == {"success": True}
    assert (await browser.http.get("/api/v1/posts", headers=bearer)).status_code == 401


async def test_another_persons_key_does_not_exist(browser: Browser, stranger: Browser) -> None:
    key = (await browser.http.post("/api/keys", json={"name": "mine"})).json()["key"]
    assert (await stranger.http.delete(f"/api/keys/{key['id']}")).status_code == 404
    assert [each["id"] for each in (await browser.http.get("/api/keys")).json()["keys"]] == [key["id"]]


DASHBOARD_ONLY = [
    ("GET", "/api/keys"), ("POST", "/api/keys"), ("DELETE", "/api/keys/x"),
    ("GET", "/api/platforms/threads/auth-url?platformSetId=x"), ("POST", "/api/platforms/threads/refresh"),
    ("DELETE", "/api/platforms/threads/disconnect?accountId=x"), ("GET", "/api/platforms/facebook/pages?accountId=x"),
    ("POST", "/api/platforms/facebook/pages"), ("POST", "/api/auth/logout"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), DASHBOARD_ONLY)
async def test_dashboard_routes_take_no_key_and_not_nothing(place: Place, method: str, path: str) -> None:
    headers = {"authorization": f"Bearer {place.key(place.user())}"}
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        with_key = await http.request(method, path, headers=headers)
        with_nothing = await http.request(method, path)
    assert (with_key.status_code, with_key.json()["error"]["code"]) == (403, "FORBIDDEN")
    assert (with_nothing.status_code, with_nothing.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert with_nothing.headers["www-authenticate"] == "Bearer"
    hint = with_nothing.json()["error"]["hint"]
    assert "/login" in hint and "/api/auth/login" in hint and "Bearer" not in hint


@pytest.mark.parametrize(("method", "path"), [*DASHBOARD_ONLY, ("POST", "/api/auth/login")])
async def test_dashboard_routes_take_no_other_parameters(browser: Browser, method: str, path: str) -> None:
    answer = await browser.http.request(method, f"{path}{'&' if '?' in path else '?'}x=1&y=2")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "VALIDATION_FAILED")
    assert {"x", "y"} <= {detail["field"] for detail in error["details"]}
    assert (await browser.http.get("/api/keys")).json() == {"keys": []}


async def test_faults_of_query_and_body_are_told_together(browser: Browser) -> None:
    for body, field in ((b'{"name": 1}', "name"), (b"{", "body")):
        json = {"content-type": "application/json"}
        answer = await browser.http.post("/api/keys?x=1", content=body, headers=json)
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["x", field]
    twice = await browser.http.get("/api/platforms/threads/auth-url?platformSetId=a&platformSetId=b&x=1")
    assert [detail["field"] for detail in twice.json()["error"]["details"]] == ["platformSetId", "x"]


async def test_a_key_is_made_once_for_an_idempotency_key(browser: Browser) -> None:
    once = {"Idempotency-Key": "a-key-for-a-laptop"}
    first, again = [await browser.http.post("/api/keys", json={"name": "laptop"}, headers=once) for _ in range(2)]
    other = await browser.http.post("/api/keys", json={"name": "desktop"}, headers=once)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()
    assert other.json()["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len((await browser.http.get("/api/keys")).json()["keys"]) == 1
