"""Every kind of post, by an agent over MCP to the platform: what arrived is what was asked, and its link opens."""

from __future__ import annotations

import hashlib
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from brokers.sandbox.ledger import Published
from tests.whole.conftest import Agent, Whole
from tests.whole.kinds import ROWS, Item, Row
from tests.whole.media import files

#: Ids that the simulator makes up.
MADE_UP = {"photos", "feed_id", "media_id", "publish_id", "session", "print"}
#: Where the simulator keeps what it knows of a video.
VIDEOS = {"youtube": "video:{id}", "facebook": "{id}"}
#: One row a platform, and what the database has most to do with.
ON_POSTGRES = {
    "instagram-carousel-mixed", "facebook-several-photos", "twitter-alt-text", "linkedin-link-article-with-thumbnail",
    "tiktok-photos-converted", "youtube-every-setting", "threads-webp-converted",
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_post_arrives_as_it_was_asked(on_sqlite: Agent, row: Row) -> None:
    arrives(on_sqlite, row)


@pytest.mark.parametrize("row", [row for row in ROWS if str(row) in ON_POSTGRES], ids=str)
def test_a_post_arrives_as_it_was_asked_on_postgres(on_postgres: Agent, row: Row) -> None:
    arrives(on_postgres, row)


def test_the_rows_for_postgres_are_rows() -> None:
    assert {str(row) for row in ROWS} >= ON_POSTGRES


def arrives(agent: Agent, row: Row) -> None:
    """Publishes a row, and compares the one post that the simulator's ledger has more with it."""
    place, account = agent.place, agent.account(row.platform)
    before = place.published(row.platform, account["platformAccountId"])
    place.forget()
    made = agent.call("posts_create", **asked(place, row), platformSetId=agent.owner.set_id)["post"]
    post = agent.call("posts_publish", postId=made["id"])["post"]
    assert agent.call("posts_get", postId=made["id"])["post"] == post
    assert (post["status"], post["scheduledFor"], len(post["platformPosts"])) == ("published", None, 1)
    (told,) = post["platformPosts"]
    (seen,) = place.published(row.platform, account["platformAccountId"])[len(before) :]
    assert seen.text == (row.text if row.reads is None else row.reads)
    assert {name: value for name, value in seen.extra.items() if name not in MADE_UP} == row.arrives
    media_arrived(place, row, seen)
    thumbnails_arrived(place, row, seen)
    assert (told["status"], told["error"], told["accountId"]) == ("published", None, account["id"])
    notes = told.get("notes") or []
    assert len(notes) == len(row.notes) and all(words in note for words, note in zip(row.notes, notes, strict=True))
    page_opens(place, row, account, told, seen)
    requests = place.requests(row.platform)
    for start, count in row.requests.items():
        begin = start.format(page=account["platformAccountId"])
        assert len([request for request in requests if request.startswith(begin)]) == count, requests


def asked(place: Whole, row: Row) -> dict[str, Any]:
    """The arguments of `posts_create`."""
    arguments = {
        "text": row.text, "platforms": [row.platform], "media": [item_of(place, item) for item in row.media] or None,
        "linkUrl": row.link,
        "platformOverrides": {row.platform: {"settings": row.settings}} if row.settings else None,
    }  # fmt: skip
    return {name: value for name, value in arguments.items() if value is not None}


def item_of(place: Whole, item: Item) -> dict[str, Any]:
    said = files()[item.file].described(f"{place.media}/{item.file}")
    more = {"altText": item.alt_text, "thumbnailUrl": item.thumbnail and f"{place.media}/{item.thumbnail}"}
    return said | {name: value for name, value in more.items() if value is not None}


def media_arrived(place: Whole, row: Row, seen: Published) -> None:
    """The same bytes in the same order, each with its alt text; converted ones as the same picture."""
    assert [each["altText"] for each in seen.media] == [item.alt_text if item.alt_arrives else None for item in row.media]
    for item, each in zip(row.media, seen.media, strict=True):
        file = files()[item.file]
        assert each["mimeType"] == (item.arrives_as or file.mime_type)
        if item.arrives_as is None:
            assert (each["sha256"], each["size"]) == (file.sha256, len(file.content))
        else:
            shows_the_same(sent_file(place, each["sha256"]), file.size, file.colour)


def sent_file(place: Whole, sha256: str) -> Path:
    """The file of the server's own that has these bytes."""
    folder = place.app.settings.media_dir
    return next(path for path in folder.iterdir() if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256)


def shows_the_same(path: Path, size: tuple[int, int], colour: tuple[int, int, int]) -> None:
    with Image.open(path) as picture:
        assert (picture.format, picture.size) == ("JPEG", size)
        shown = picture.convert("RGB").getpixel((size[0] // 2, size[1] // 2))
        assert isinstance(shown, tuple) and all(abs(a - b) <= 6 for a, b in zip(shown, colour, strict=True))


def thumbnails_arrived(place: Whole, row: Row, seen: Published) -> None:
    """YouTube and Facebook take a thumbnail after the video, and it hangs on the video (Instagram's comes with the post)."""
    video = place.world.objects.get(VIDEOS.get(row.platform, "").format(id=seen.id))
    if video is not None:
        wanted = [files()[item.thumbnail].sha256 for item in row.media if item.thumbnail]
        arrived = video["thumbnail"]
        assert [arrived["sha256"] if isinstance(arrived, dict) else arrived] == (wanted or [None])


def page_opens(place: Whole, row: Row, account: dict[str, Any], told: dict[str, Any], seen: Published) -> None:
    """The stored link is the simulator's page of this post, or of its author where a post has none."""
    assert told["url"].startswith(f"{place.url}/sandbox/")
    page = place.http.get(told["url"])
    assert page.status_code == 200 and f"<code>{escape(seen.id)}</code>" in page.text
    if row.link_to:
        assert told["url"].endswith(row.link_to.format(username=account["username"]))
    else:
        assert told["platformPostId"] in (seen.id, seen.extra.get("feed_id")) and seen.text.split("\n")[0] in unescape(page.text)
