"""One behaviour, three doors: REST, MCP's sessions, MCP without sessions."""

from __future__ import annotations

from typing import Any

from tests.edge.conftest import NOWHERE, Ask, Owner, Site, through, until, without_id


async def test_a_post_is_created_read_changed_published_and_listed(ask: Ask, owner: Owner) -> None:
    made = await ask("posts_create", text="Hello", platforms=["threads"], platformSetId=owner.set_id)
    post = made["post"]
    assert (post["status"], post["text"], post["platforms"]) == ("draft", "Hello", ["threads"])
    assert [(pp["status"], pp["attempts"]) for pp in post["platformPosts"]] == [("pending", 0)]

    assert (await ask("posts_get", postId=post["id"]))["post"] == post
    changed = await ask("posts_update", postId=post["id"], text="Hello again")
    assert changed["post"]["text"] == "Hello again"

    published = (await ask("posts_publish", postId=post["id"]))["post"]
    assert published["status"] == "published"
    assert published["platformPosts"][0]["url"]
    listed = await ask("posts_list", platform="threads", limit=1)
    assert listed["posts"] == [published]
    assert (listed["limit"], listed["offset"], listed["hasMore"]) == (1, 0, False)

    again = await ask("posts_publish", postId=post["id"])
    assert again["error"]["code"] == "INVALID_STATUS_TRANSITION"


async def test_a_draft_is_discarded(ask: Ask, owner: Owner) -> None:
    made = await ask("posts_create", text="Never", platforms=["threads"], platformSetId=owner.set_id)
    gone = await ask("posts_delete", postId=made["post"]["id"])
    assert gone["post"]["status"] == "discarded"
    assert [pp["status"] for pp in gone["post"]["platformPosts"]] == ["cancelled"]


async def test_accounts_are_listed_and_read(ask: Ask, owner: Owner) -> None:
    accounts = (await ask("accounts_list", platform="threads", platformSetId=owner.set_id))["accounts"]
    assert [account["platform"] for account in accounts] == ["threads"]
    assert (await ask("accounts_get", accountId=accounts[0]["id"]))["account"] == accounts[0]


async def test_sets_are_made_renamed_listed_and_deleted(ask: Ask) -> None:
    made = (await ask("platform_sets_create", name="Client A"))["set"]
    assert (made["name"], made["isDefault"], made["connectionCount"]) == ("Client A", False, 0)
    renamed = (await ask("platform_sets_rename", platformSetId=made["id"], name="Client B"))["set"]
    assert renamed["name"] == "Client B"
    assert made["id"] in [each["id"] for each in (await ask("platform_sets_list"))["sets"]]
    assert await ask("platform_sets_delete", platformSetId=made["id"]) == {"success": True}
    assert made["id"] not in [each["id"] for each in (await ask("platform_sets_list"))["sets"]]


async def test_what_another_user_has_does_not_exist(ask: Ask, owner: Owner, site: Site) -> None:
    stranger = site.owner()
    made = await ask("posts_create", text="Mine", platforms=["threads"], platformSetId=owner.set_id)
    for operation in ("posts_get", "posts_publish", "posts_delete"):
        theirs = await ask(operation, key=stranger.key, postId=made["post"]["id"])
        nobodys = await ask(operation, key=stranger.key, postId=NOWHERE)
        assert theirs["error"]["code"] == "POST_NOT_FOUND"
        assert without_id(theirs) == without_id(nobodys)
    assert (await ask("posts_list", key=stranger.key))["posts"] == []


async def test_a_failed_publish_carries_the_post(ask: Ask, owner: Owner, site: Site) -> None:
    made = await ask("posts_create", text="Hello", platforms=["threads"], platformSetId=owner.set_id)
    app = site.app
    await app.db.write(revoke_accounts, owner.user_id)
    failed = await ask("posts_publish", postId=made["post"]["id"])
    assert failed["error"]["code"] == "PLATFORM_NOT_CONNECTED"
    assert (await ask("posts_get", postId=made["post"]["id"]))["post"]["status"] == "draft"


def revoke_accounts(session: Any, user_id: str) -> None:
    from sqlalchemy import update

    from storage.tables import Account

    session.execute(update(Account).where(Account.user_id == user_id).values(status="revoked"))


async def test_publishing_goes_on_when_the_client_leaves(site: Site, owner: Owner, door: str) -> None:
    import asyncio

    post = (await through(site, owner.key, "rest", "posts_create",
                          {"text": "Slow", "platforms": ["threads"], "platformSetId": owner.set_id}))["post"]  # fmt: skip
    left = asyncio.create_task(through(site, owner.key, door, "posts_publish", {"postId": post["id"]}))
    await until(lambda: has_begun(site, owner, post["id"]))
    left.cancel()

    async def published() -> bool:
        got = await through(site, owner.key, "rest", "posts_get", {"postId": post["id"]})
        return bool(got["post"]["status"] == "published")

    await until(published)


async def has_begun(site: Site, owner: Owner, post_id: str) -> bool:
    got = await through(site, owner.key, "rest", "posts_get", {"postId": post_id})
    return bool(got["post"]["status"] != "draft")
