"""Where a platform's media come from: uploads, copies, conversions; and what goes when nobody needs it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image
from sqlalchemy import text

from ampost_mcp.context import App, Caller
from ampost_mcp.services import media, probing
from ampost_mcp.services.fetching import measure
from brokers import BROKERS
from brokers.accepts import Accepts, Kind, Limits
from brokers.errors import PlatformError
from storage import media_files, posts
from storage.tables import MediaFile, new_id
from tests.media.conftest import Host, image, movie

POST = "11111111-1111-4111-8111-111111111111"
INSTAGRAM: Accepts = BROKERS["instagram"].accepts
TWITTER: Accepts = BROKERS["twitter"].accepts


@pytest.fixture
def here(app: App, host: Host) -> App:
    """The installation, with leave to fetch from the host."""
    return replace(app, settings=app.settings.model_copy(update={"media_allow": f"127.0.0.1:{host.port}"}))


@pytest.fixture
def who(a_user: Callable[..., Caller]) -> Caller:
    return a_user()


@pytest.fixture
async def notes() -> AsyncIterator[list[str]]:
    yield []


async def upload(app: App, who: Caller, content: bytes, name: str = "photo.jpg") -> MediaFile:
    async with media.new_path(app) as path:
        path.write_bytes(content)
        return await media.keep(app, who.user_id, measure(path), name)


def source(app: App, who: Caller, accepts: Accepts, notes: list[str] | None = None, **item: Any) -> media.Source:
    said = notes if notes is not None else []
    return media.source_for(app, who.user_id, POST, {"type": "image", **item}, accepts, said.append)


async def refusal(found: media.Source) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await found.file()
    assert caught.value.code == "MEDIA_UPLOAD_FAILED" and caught.value.hint
    return caught.value


async def test_an_upload_is_its_own_file_and_has_our_address(app: App, who: Caller) -> None:
    content = image()
    row = await upload(app, who, content, "../../Holi day.png")
    found = source(app, who, INSTAGRAM, url=media.address_of(app, row))
    file = await found.file()
    assert file.path.read_bytes() == content and file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.mime_type, file.size_bytes) == ("image/jpeg", len(content))
    assert await found.url() == f"{app.settings.address}/media/{row.secret}/Holi-day.jpg"


async def test_an_upload_follows_the_server_to_a_new_address(app: App, who: Caller) -> None:
    row = await upload(app, who, image())
    old = media.address_of(app, row)
    moved = replace(app, settings=app.settings.model_copy(update={"public_url": "https://post.example.com"}))
    assert await source(moved, who, INSTAGRAM, url=old).url() == f"https://post.example.com/media/{row.secret}/photo.jpg"


async def test_another_persons_upload_is_not_read_from_disk(app: App, who: Caller, a_user: Any) -> None:
    row = await upload(app, a_user(), image())
    error = await refusal(source(app, who, INSTAGRAM, url=media.address_of(app, row)))
    assert "public address" in error.message


async def test_a_url_is_handed_on_as_it_is_without_a_look(here: App, who: Caller, host: Host) -> None:
    url = host.put("/a.jpg", image())
    assert await source(here, who, INSTAGRAM, url=url, mimeType="image/jpeg").url() == url
    assert await source(here, who, TWITTER, url=url).url() == url
    assert host.seen == []


async def test_a_file_is_fetched_once_for_a_post(here: App, who: Caller, host: Host) -> None:
    url = host.put("/a.jpg", image())
    found = [source(here, who, accepts, url=url) for accepts in (INSTAGRAM, TWITTER) for _ in range(5)]
    files = []

    async def get(each: media.Source) -> None:
        files.append(await each.file())

    async with anyio.create_task_group() as tasks:
        for each in found:
            tasks.start_soon(get, each)
    assert host.seen == ["/a.jpg"] and len({file.path for file in files}) == 1


async def test_webp_becomes_jpeg_where_it_must_and_says_so(here: App, who: Caller, host: Host, notes: list[str]) -> None:
    url = host.put("/a.webp", image("WEBP"))
    found = source(here, who, INSTAGRAM, notes, url=url, mimeType="image/webp")
    file, at = await found.file(), await found.url()
    assert file.mime_type == "image/jpeg" and probing.probe(file.path).mime_type == "image/jpeg"
    assert at.startswith(f"{here.settings.address}/media/") and at.endswith("/a.jpg")
    assert set(notes) == {"Converted from image/webp to image/jpeg for Instagram."}
    assert (await source(here, who, TWITTER, notes, url=url).file()).mime_type == "image/webp"
    assert host.seen == ["/a.webp"]


async def test_an_image_of_no_known_type_is_looked_at_first(here: App, who: Caller, host: Host) -> None:
    webp, jpeg = host.put("/1", image("WEBP")), host.put("/2", image("JPEG"))
    assert (await source(here, who, INSTAGRAM, url=webp).url()).startswith(here.settings.address)
    assert await source(here, who, INSTAGRAM, url=jpeg).url() == jpeg
    guessed = {"mimeType": "image/jpeg", "explicit": False}
    assert (await source(here, who, INSTAGRAM, url=webp, **guessed).url()).startswith(here.settings.address)


async def test_an_upload_is_converted_too(app: App, who: Caller, notes: list[str]) -> None:
    row = await upload(app, who, image("PNG", mode="RGBA"), "logo.png")
    found = source(app, who, INSTAGRAM, notes, url=media.address_of(app, row), mimeType="image/png")
    assert (await found.file()).mime_type == "image/jpeg" and (await found.url()).endswith("/logo.jpg")
    assert notes and (await found.file()).path == (await found.file()).path


async def test_a_conversion_is_made_smaller_for_a_stricter_platform(app: App, who: Caller, tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    Image.effect_noise((300, 300), 90).save(noise, "PNG")
    row = await upload(app, who, noise.read_bytes(), "noise.png")
    url = media.address_of(app, row)
    full = await source(app, who, INSTAGRAM, url=url).file()
    strict = replace(INSTAGRAM, kinds={"image": Kind(("image/jpeg",), 1, Limits(max_bytes=full.size_bytes - 1))})
    small = await source(app, who, strict, url=url).file()
    assert small.size_bytes < full.size_bytes


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"<html>no picture</html>", "image", "its bytes"),
        (movie(), "image", "video/mp4"),
        (image(), "video", "image/jpeg"),
        (image("GIF", mode="P"), "image", "image/gif"),
        (b"\xff\xd8\xff but nothing more", "image", "cannot be read"),
    ],
)  # fmt: skip
async def test_what_is_not_what_it_claims_is_refused(
    here: App, who: Caller, host: Host, content: bytes, kind: str, says: str
) -> None:
    url = host.put("/a.jpg", content)
    error = await refusal(source(here, who, INSTAGRAM, url=url, type=kind, mimeType="image/jpeg"))
    assert error.kind == "content" and says in error.message
    assert not list(here.settings.media_dir.glob("incoming/*"))


async def test_what_is_too_large_for_the_platform_is_refused(here: App, who: Caller, host: Host) -> None:
    tight = replace(INSTAGRAM, kinds={"image": Kind(("image/jpeg",), 1, Limits(max_bytes=100))})
    error = await refusal(source(here, who, tight, url=host.put("/a.jpg", image())))
    assert error.kind == "content" and "100" in error.message


async def test_a_private_address_is_refused_at_fetch_time_too(app: App, who: Caller, host: Host) -> None:
    error = await refusal(source(app, who, INSTAGRAM, url=host.put("/a.jpg", image())))
    assert error.kind == "content" and host.seen == []


# -- clearing ----------------------------------------------------------------------------------------------------------


def a_post(app: App, who: Caller, urls: list[str], status: str = "draft") -> str:
    id, now = new_id(), app.clock()
    columns = {
        "id": id, "user_id": who.user_id, "platform_set_id": new_id(), "text": "", "link_url": None, "overrides": {},
        "media": [{"type": "image", "url": url} for url in urls], "platforms": [], "status": status, "search": "",
        "scheduled_for": None, "owner_tag": who.owner_tag, "created_at": now, "updated_at": now,
    }  # fmt: skip
    app.db.write_here(posts.insert, columns, {})
    app.db.write_here(lambda session: session.execute(text("UPDATE posts SET status = :s WHERE id = :i"), {"s": status, "i": id}))
    return id


def is_there(app: App, row: MediaFile) -> bool:
    known = app.db.read_here(media_files.by_secret, row.secret) is not None
    assert known == media.path_of(app, row).exists()
    return known


async def test_uploads_stay_while_a_post_names_them(app: App, who: Caller, clock: Any) -> None:
    used, dropped, elsewhere, orphan, discarded = [await upload(app, who, image()) for _ in range(5)]
    post = a_post(app, who, [media.address_of(app, used)])
    a_post(app, who, [media.address_of(app, elsewhere)])
    gone = a_post(app, who, [media.address_of(app, discarded)], "discarded")
    app.db.write_here(media_files.attach, who.user_id, [used.id, dropped.id, elsewhere.id], post)
    app.db.write_here(media_files.attach, who.user_id, [discarded.id], gone)
    clock.forward(hours=23)
    assert await media.clear_unused(app) == 0
    clock.forward(hours=2)
    assert await media.clear_unused(app) >= 3
    assert [is_there(app, row) for row in (used, elsewhere)] == [True, True]
    assert [is_there(app, row) for row in (dropped, orphan, discarded)] == [False, False, False]


async def test_copies_go_once_their_post_is_at_rest(here: App, who: Caller, host: Host, clock: Any) -> None:
    rows = []
    for status in ("posting", "published"):
        post, url = a_post(here, who, [], status), host.put("/a.webp", image("WEBP"))
        found = media.source_for(here, who.user_id, post, {"type": "image", "url": url}, INSTAGRAM, lambda said: None)
        await found.file()
        kept = here.db.read_here(media_files.fetched, who.user_id, post, url)
        assert kept is not None
        made = here.db.read_here(media_files.converted, who.user_id, kept.id, "image/jpeg", None)
        assert made is not None
        rows += [kept, made]
    clock.forward(hours=25)
    await media.clear_unused(here)
    assert [is_there(here, row) for row in rows] == [True, True, False, False]


async def test_files_that_nobody_recorded_go(app: App, who: Caller, clock: Any) -> None:
    async with media.new_path(app) as path:
        pass
    young, old = path.parent / "young", path.parent / "old"
    for stray, age in ((young, 80_000), (old, 90_000)):
        stray.write_bytes(b"x")
        os.utime(stray, (clock.now.timestamp() - age,) * 2)
    assert await media.clear_unused(app) == 1
    assert young.exists() and not old.exists()
