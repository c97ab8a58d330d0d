"""The pages: what a person without scripts sees and does."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from ampost_mcp.services import sessions
from brokers.sandbox.world import Fault
from tests.connect.conftest import PASSWORD, Browser, Place, browser_of

PAGES = ("/", "/accounts", "/sets", "/keys")


class Forms(HTMLParser):
    """The forms and links of a page, and whether its elements are closed in order."""

    VOID = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.actions: list[tuple[str, str]] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not [name for name in given if name.startswith("on")] and tag != "script", "the pages need no script"
        if tag == "form":
            self.actions.append((str(given.get("method")), str(given.get("action"))))
        if tag == "a":
            self.links.append(str(given["href"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "p" and "p" not in self.open:
            return  # an empty paragraph, which HTML allows
        while self.open and self.open[-1] in ("p", "option") and tag != self.open[-1]:
            self.open.pop()
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"


def text_of(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


@pytest.mark.parametrize("path", [*PAGES, "/posts/x", "/accounts/connect?platform=threads"])
async def test_a_visitor_is_sent_to_the_login_and_back(place: Place, path: str) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        answer = await http.get(path)
        assert answer.status_code == 303
        login = await http.get(answer.headers["location"])
        assert f'name="next" value="{path.replace("&", "&amp;")}"' in login.text
        Forms(login.text)


async def test_a_form_signs_in_and_out(place: Place) -> None:
    user = place.user()
    async with httpx.AsyncClient(base_url=place.url, trust_env=False, headers={"origin": place.url}) as http:
        wrong = await http.post("/login", data={"email": user["email"], "password": "no", "next": "/sets"})
        assert wrong.status_code == 401 and user["email"] in wrong.text and 'value="/sets"' in wrong.text
        answer = await http.post("/login", data={"email": user["email"], "password": PASSWORD, "next": "/sets"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sets")
        assert (await http.get("/sets")).status_code == 200
        assert (await http.post("/logout")).headers["location"] == "/login"
        assert (await http.get("/sets")).status_code == 303


@pytest.mark.parametrize("next", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\u00e4"])
async def test_the_login_leads_nowhere_else(place: Place, next: str) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        data = {"email": place.user()["email"], "password": PASSWORD, "next": next}
        assert (await http.post("/login", data=data)).headers["location"] == "/"
        assert "evil" not in (await http.get("/login", params={"next": next})).text


async def test_the_login_form_takes_nothing_from_another_site(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        data = {"email": place.user()["email"], "password": PASSWORD}
        answer = await http.post("/login", data=data, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403 and sessions.COOKIE not in http.cookies


@pytest.mark.parametrize("path", PAGES)
async def test_pages_run_nothing_and_are_kept_nowhere(browser: Browser, path: str) -> None:
    answer = await browser.http.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert ("post", "/logout") in Forms(answer.text).actions


async def test_the_style_is_served(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        answer = await http.get("/dashboard.css")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/css")


async def make(browser: Browser, **body: Any) -> dict[str, Any]:
    bearer = {"authorization": f"Bearer {browser.place.key(browser.user)}"}
    said = {"content": {"text": body.pop("text", "Hello")}, "platforms": ["threads"], "platformSetId": browser.set_id, **body}
    answer = await browser.http.post("/api/v1/posts", json=said, headers=bearer)
    assert answer.status_code == 201, answer.text
    post: dict[str, Any] = answer.json()["post"]
    return post


async def test_posts_are_listed_filtered_and_shown_whole(browser: Browser) -> None:
    await browser.connect("threads")
    evil = await make(browser, text='<script>alert("1")</script> & more')
    await make(browser, text="Something else")
    page = await browser.http.get("/")
    assert "<script>" not in page.text and '<script>alert("1")</script> & more' in unescape(page.text)
    found = await browser.http.get("/", params={"search": "Something"})
    assert "Something else" in found.text and evil["id"] not in found.text
    assert "No posts here" in (await browser.http.get("/", params={"status": "published"})).text
    one = await browser.http.get(f"/posts/{evil['id']}")
    assert ("post", f"/posts/{evil['id']}/publish") in Forms(one.text).actions


async def test_a_post_is_published_from_its_page(browser: Browser) -> None:
    await browser.connect("threads")
    post = await make(browser, text="From the page")
    answer = await browser.http.post(f"/posts/{post['id']}/publish")
    assert answer.status_code == 303
    shown = await browser.http.get(answer.headers["location"])
    assert "published" in text_of(shown) and "https://www.threads.com/" in shown.text


async def test_what_fails_says_why_and_can_be_retried(browser: Browser) -> None:
    await browser.connect("threads")
    post = await make(browser)
    browser.place.world.faults.append(Fault("threads", "publish", "refuse"))
    answer = await browser.http.post(f"/posts/{post['id']}/publish")
    assert answer.status_code == 502 and "Threads" in text_of(answer)
    page = await browser.http.get(f"/posts/{post['id']}")
    assert "failed" in text_of(page) and ("post", f"/posts/{post['id']}/retry") in Forms(page.text).actions
    assert (await browser.http.post(f"/posts/{post['id']}/retry")).status_code == 303


async def test_a_post_is_discarded_from_its_page(browser: Browser) -> None:
    await browser.connect("threads")
    post = await make(browser)
    assert (await browser.http.post(f"/posts/{post['id']}/delete")).status_code == 303
    assert "discarded" in text_of(await browser.http.get(f"/posts/{post['id']}"))


async def test_another_persons_post_is_not_there(browser: Browser, stranger: Browser) -> None:
    await stranger.connect("threads")
    post = await make(stranger, text="mine alone")
    answer = await browser.http.get(f"/posts/{post['id']}")
    assert answer.status_code == 404 and "mine alone" not in answer.text


async def test_an_account_is_connected_by_links_alone(browser: Browser) -> None:
    page = await browser.http.get("/accounts")
    link = next(link for link in Forms(page.text).links if "platform=threads" in link)
    answer = await browser.http.get(link)
    assert answer.status_code == 303 and answer.headers["location"].startswith("https://threads.net/oauth/authorize?")
    id = await browser.connect("threads")
    page = await browser.http.get(f"/accounts?connected={id}")
    actions = Forms(page.text).actions
    assert "The account is connected." in page.text and ("post", f"/accounts/threads/{id}/disconnect") in actions
    assert (await browser.http.post(f"/accounts/threads/{id}/disconnect")).status_code == 303
    assert id not in (await browser.http.get("/accounts")).text


async def test_a_facebook_page_is_chosen_on_a_page(browser: Browser) -> None:
    id = await browser.connect("facebook")
    at = f"/accounts/facebook/{id}/pages"
    assert at in Forms((await browser.http.get("/accounts")).text).links
    pages = re.findall(r'name="pageId" value="([^"]+)"', (await browser.http.get(at)).text)
    assert len(pages) > 1
    assert (await browser.http.post(at, data={"pageId": pages[1]})).status_code == 303
    assert browser.place.account(id).platform_account_id == pages[1]


async def test_a_key_is_made_shown_once_and_revoked(browser: Browser) -> None:
    page = await browser.http.post("/keys", data={"name": "my agent"})
    raw = re.findall(r"amp_live_[\w-]{32,}", page.text)
    assert raw and "my agent" in page.text
    again = await browser.http.get("/keys")
    assert raw[0] not in again.text
    action = next(action for _, action in Forms(again.text).actions if action.endswith("/revoke"))
    assert (await browser.http.post(action)).status_code == 303
    assert "my agent" not in (await browser.http.get("/keys")).text


async def test_sets_are_made_renamed_chosen_and_deleted(browser: Browser) -> None:
    assert (await browser.http.post("/sets", data={"name": "Client A"})).status_code == 303
    page = await browser.http.get("/sets")
    action = next(action for _, action in Forms(page.text).actions if action.endswith("/delete"))
    at = action.removesuffix("/delete")
    assert (await browser.http.post(f"{at}/rename", data={"name": "Client <B>"})).status_code == 303
    assert "Client &lt;B&gt;" in (await browser.http.get("/sets")).text
    assert (await browser.http.post(f"{at}/default")).status_code == 303
    assert (await browser.http.post(f"{at}/delete")).status_code == 400
    bad = await browser.http.post("/sets", data={"name": ""})
    assert bad.status_code == 400 and "name" in text_of(bad)


async def test_a_free_user_learns_that_keys_need_another_tier(place: Place) -> None:
    async with browser_of(place, place.user("free")) as browser:
        assert "API access needs the pro or max tier" in (await browser.http.get("/keys")).text


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a=1&" * 100, b"name=x" + b"x" * 70_000])
async def test_odd_forms_are_refused_politely(browser: Browser, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await browser.http.post("/sets", content=body, headers=headers)
    assert answer.status_code in (400, 413) and answer.headers["content-type"].startswith("text/html")
