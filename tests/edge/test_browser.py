"""Compatibility routes take a browser's session; the versioned ones do not."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from ampost_mcp.services import sessions, users
from tests.edge.conftest import NUMBERS, Site


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    app, email = site.app, f"browser-{next(NUMBERS)}@example.com"
    hashed = sessions.hash_password("a password")
    app.db.write_here(users.create, app.clock(), email, "free", password_hash=hashed)
    async with httpx.AsyncClient(base_url=site.url, trust_env=False) as http:
        answer = await http.post("/api/auth/login", json={"email": email, "password": "a password"}, headers={"Origin": site.url})
        assert answer.status_code == 200, answer.text
        yield http


async def test_a_session_opens_compatibility_routes_only(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/api/platforms/sets")).json()["sets"][0]["name"] == "Default"
    assert (await browser.get("/api/v1/platform-sets")).status_code == 401
    assert (await browser.post("/mcp", json={})).status_code == 401


async def test_a_change_must_come_from_our_own_pages(browser: httpx.AsyncClient, site: Site) -> None:
    for headers, status in (
        ({}, 403), ({"Origin": "https://evil.example"}, 403), ({"Origin": site.url}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 200),
    ):  # fmt: skip
        answer = await browser.post("/api/platforms/sets", json={"name": "A"}, headers=headers)
        assert answer.status_code == status, (headers, answer.text)
