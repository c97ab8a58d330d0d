"""Lists of posts: order, pages, filters and their combinations, literal search."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ampost_mcp.context import App, Caller
from storage import post_lists
from storage.database import Database
from storage.post_lists import Filters
from storage.queue import PLATFORM_POSTS, POSTS
from storage.tables import new_id
from tests.services.conftest import Ask

on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)

STATUSES, PLATFORMS, SETS = ("draft", "failed", "published"), ("threads", "twitter", "youtube"), ("set-a", "set-b")
WORDS = ("spring sale", "autumn", "Größe", "50% off", "snake_case", 'say "yes"', "ab")


def texts(answer: dict[str, Any]) -> list[str]:
    return [post["text"] for post in answer["posts"]]


async def test_newest_first_in_pages(ask: Ask, write: Ask, writer: Caller) -> None:
    for number in range(5):
        await write(writer, f"post {number}")
    first = await ask(writer, "posts_list", limit=2)
    assert (texts(first), first["limit"], first["offset"], first["hasMore"]) == (["post 4", "post 3"], 2, 0, True)
    last = await ask(writer, "posts_list", limit=2, offset=3)
    assert (texts(last), last["hasMore"]) == (["post 1", "post 0"], False)
    assert (await ask(writer, "posts_list", offset=5))["posts"] == []
    everything = await ask(writer, "posts_list")
    assert (everything["limit"], len(everything["posts"])) == (20, 5)
    assert everything["posts"][0] == (await ask(writer, "posts_get", postId=everything["posts"][0]["id"]))["post"]


@on_sqlite
@pytest.mark.parametrize(
    "raw",
    [{"limit": 0}, {"limit": 101}, {"limit": -1}, {"limit": "10"}, {"limit": 1.5}, {"limit": True}, {"offset": -1},
     {"offset": 2**63}, {"status": "done"}, {"platform": "bluesky"}, {"sort": "asc"}, {"search": "a\x00b"},
     {"search": "x" * 501}],
)  # fmt: skip
async def test_filters_that_are_refused(refused: Ask, a_user: Any, raw: dict[str, Any]) -> None:
    assert (await refused(a_user(), "posts_list", **raw))["code"] == "VALIDATION_FAILED"


async def test_other_peoples_posts_are_never_listed(ask: Ask, write: Ask, writer: Caller, a_user: Any, a_set: Any) -> None:
    await write(writer, "a secret plan")
    stranger = a_user()
    filters = (
        {}, {"search": "secret"}, {"search": "se"}, {"platform": "threads"}, {"status": "draft"},
        {"platformSetId": a_set(writer)},
    )  # fmt: skip
    for raw in filters:
        assert (await ask(stranger, "posts_list", **raw))["posts"] == []
        assert len((await ask(writer, "posts_list", **raw))["posts"]) == 1


#: What is searched for -> the texts that are found.
SEARCHES: dict[str, list[str]] = {
    "SPRING": ["Spring sale"], "ring sa": ["Spring sale"], "50%": ["50% off"], "5_%": [], "%": ["50% off"],
    "_": ["snake_case"], "%%%": [], "___": [], "snake_c": ["snake_case"], "e_c": ["snake_case"],
    '"yes"': ['say "yes"'], '""': [], "yes OR spring": [], "spring*": [], "sp* NOT x": [], "größe": ["GRÖSSE zählt"],
    "ÖSS": ["GRÖSSE zählt"], "ö": ["GRÖSSE zählt"], "\\": ["back\\slash"], "k\\s": ["back\\slash"],
    "🎉": ["party 🎉🎉🎉"], "🎉🎉🎉": ["party 🎉🎉🎉"], "日本語": ["日本語の投稿"], "own words": ["has an override"],
    "the title": ["has a title"], "override own": [], "line\ntwo": ["line\ntwo"], "has a": ["has a title", "has an override"],
}  # fmt: skip


async def test_search_is_literal_and_blind_to_case(ask: Ask, write: Ask, writer: Caller) -> None:
    for text in ("Spring sale", "50% off", "snake_case", 'say "yes"', "GRÖSSE zählt", "back\\slash", "party 🎉🎉🎉",
                 "日本語の投稿", "line\ntwo"):  # fmt: skip
        await write(writer, text)
    await write(writer, "has an override", platformOverrides={"twitter": {"text": "Own Words"}})
    await write(writer, "has a title", platformOverrides={"youtube": {"settings": {"title": "The Title"}}})
    answers = {search: sorted(texts(await ask(writer, "posts_list", search=search))) for search in SEARCHES}
    assert answers == {search: sorted(found) for search, found in SEARCHES.items()}


async def test_search_follows_edits(ask: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer, "before noon")
    await ask(writer, "posts_update", postId=post["id"], content={"text": "after dark"})
    assert (await ask(writer, "posts_list", search="noon"))["posts"] == []
    assert texts(await ask(writer, "posts_list", search="DARK")) == ["after dark"]


# -- every combination of filters, against the plain reading of them -------------------------------------------------


@pytest.fixture(scope="module")
def shelf() -> list[dict[str, Any]]:
    """What a user's posts look like, oldest first: every status, platform pair, set and word."""
    kinds = product(STATUSES, PLATFORMS, SETS, WORDS)
    return [
        {"status": status, "platforms": sorted({platform, PLATFORMS[number % 3]}), "platform_set_id": set_id,
         "text": f"{number} {word}"}
        for number, (status, platform, set_id, word) in enumerate(kinds)
    ]  # fmt: skip


def stock(db: Database, caller: Caller, shelf: list[dict[str, Any]]) -> None:
    def do(session: Any) -> None:
        for number, kind in enumerate(shelf, 1):
            own = {"id": new_id(), "user_id": caller.user_id, "owner_tag": caller.owner_tag}
            search = post_lists.search_text(kind["text"], {})
            session.execute(POSTS.insert().values(seq=number, search=search, **kind, **own))
            for place, platform in enumerate(kind["platforms"]):
                session.execute(PLATFORM_POSTS.insert().values(
                    post_id=own["id"], user_id=caller.user_id, post_seq=number, platform=platform, position=place,
                ))  # fmt: skip

    db.write_here(do)


def matches(kind: dict[str, Any], filters: dict[str, Any]) -> bool:
    return (
        filters["status"] in (None, kind["status"])
        and filters["platform"] in (None, *kind["platforms"])
        and filters["platform_set_id"] in (None, kind["platform_set_id"])
        and (filters["search"] or "").casefold() in kind["text"].casefold()
    )


FILTERS = st.fixed_dictionaries({
    "status": st.sampled_from((None, *STATUSES, "queued")), "platform": st.sampled_from((None, *PLATFORMS)),
    "platform_set_id": st.sampled_from((None, *SETS)),
    "search": st.sampled_from((None, *WORDS, "S", "GRÖ", "nothing", '"', "1 ", "%", "_c")),
})  # fmt: skip


@pytest.mark.parametrize("many", [5, 2000])
async def test_every_combination_of_filters(
    app: App, a_user: Any, shelf: list[dict[str, Any]], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = a_user()
    stock(app.db, caller, shelf)
    monkeypatch.setattr(post_lists, "MANY", many)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(FILTERS, st.integers(1, 30), st.integers(0, 20))
    def check(filters: dict[str, Any], limit: int, offset: int) -> None:
        wanted = [number for number, kind in enumerate(shelf, 1) if matches(kind, filters)][::-1]
        asked = Filters(caller.user_id, caller.owner_tag, **filters)
        assert app.db.read_here(post_lists.page, asked, limit, offset) == wanted[offset : offset + limit]

    check()


@on_sqlite
async def test_walks_use_their_index(app: App, a_user: Any, shelf: list[dict[str, Any]]) -> None:
    """No walk sorts, and none scans the table."""
    stock(app.db, a_user(), shelf)
    for walk in (post_lists.EVERYTHING, *post_lists.WALKS.values()):
        statement = f"SELECT {walk.order} FROM {walk.start} {walk.join} WHERE {walk.where} ORDER BY {walk.order} DESC LIMIT 9"
        values = dict.fromkeys(("user_id", "status", "platform", "platform_set_id", "match"), "x")
        plan = app.db.read_here(lambda s, sql=statement, v=values: post_lists._execute(s, f"EXPLAIN QUERY PLAN {sql}", v).all())
        said = " | ".join(row[3] for row in plan)
        assert "TEMP B-TREE" not in said
        assert "SCAN p" not in said.replace("SCAN pp", "")
