"""`POST /api/posts` with files, and the files on their way out."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest
from sqlmodel import select

from ampost_mcp.context import App
from ampost_mcp.errors import AppError
from ampost_mcp.services import connections
from ampost_mcp.transports.dashboard import uploads
from ampost_mcp.transports.dashboard.multipart import Bounds, read_form
from storage import media_files
from storage.tables import MediaFile
from tests.connect.conftest import Browser, Place
from tests.media.conftest import image, movie

Files = list[tuple[str, tuple[str, bytes, str]]]
PHOTO: Files = [("files", ("photo.jpg", image(), "image/jpeg"))]


@pytest.fixture
async def ready(browser: Browser, app: App) -> Browser:
    """A browser whose set has accounts of X and Instagram."""
    for platform in ("twitter", "instagram", "youtube"):
        token = browser.place.world.standing_token(platform)
        who = browser.place.world.identity(platform)
        await connections.connect_with_token(
            app, browser.user["id"], browser.set_id, platform, token, None, None, who.id, who.username
        )
    return browser


def post_of(browser: Browser, *platforms: str, **more: Any) -> dict[str, Any]:
    return {"text": "Hello", "platforms": list(platforms or ("twitter",)), "platformSetId": browser.set_id, **more}


async def send(browser: Browser, data: Any, files: Files = PHOTO, **headers: str) -> httpx.Response:
    form = {"data": data if isinstance(data, str) else json.dumps(data)}
    return await browser.http.post("/api/posts", data=form, files=files, headers=headers)


def files_of(browser: Browser) -> int:
    user_id = browser.user["id"]
    return len(
        browser.place.app.db.read_here(lambda session: session.exec(select(MediaFile).where(MediaFile.user_id == user_id)).all())
    )


async def test_files_become_the_posts_media_in_their_order(ready: Browser) -> None:
    png = image("PNG", (30, 20))
    answer = await send(ready, post_of(ready), [*PHOTO, ("files", ("../Zweites Bild.PNG", png, "image/png"))])
    assert answer.status_code == 201, answer.text
    post = answer.json()["post"]
    first, second = post["media"]
    assert (post["text"], post["status"]) == ("Hello", "draft")
    assert (first["type"], first["mimeType"], first["width"], first["height"]) == ("image", "image/jpeg", 64, 48)
    assert second["filename"] == "Zweites-Bild.png" and second["sizeBytes"] == len(png)
    served = await ready.http.get(second["url"])
    assert served.content == png
    assert served.headers["content-type"] == "image/png" and served.headers["x-content-type-options"] == "nosniff"
    assert served.headers["content-disposition"].startswith("inline") and "sandbox" in served.headers["content-security-policy"]


async def test_a_part_of_a_served_file_can_be_asked_for(ready: Browser) -> None:
    film = movie(after=10_000)
    files: Files = [("files", ("film.mp4", film, "video/mp4"))]
    url = (await send(ready, post_of(ready), files)).json()["post"]["media"][0]["url"]
    part = await ready.http.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, film[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(film)}"
    assert (await ready.http.head(url)).headers["content-length"] == str(len(film))
    assert (await ready.http.get(url, headers={"range": "bytes=999999-"})).status_code == 416
    assert (await ready.http.get(url.rpartition("/")[0] + "/other.html")).status_code == 404


async def test_the_bytes_alone_say_what_a_file_is(ready: Browser) -> None:
    files: Files = [("files", ("clip.html", image(), "text/html"))]
    (item,) = (await send(ready, post_of(ready), files)).json()["post"]["media"]
    assert (item["type"], item["mimeType"], item["filename"]) == ("image", "image/jpeg", "clip.jpg")


async def test_a_film_says_its_length(ready: Browser) -> None:
    files: Files = [("files", ("film.mov", movie("qt  ", (1280, 720), 4), "video/mp4"))]
    (item,) = (await send(ready, post_of(ready, "youtube"), files)).json()["post"]["media"]
    assert (item["type"], item["mimeType"], item["durationSeconds"]) == ("video", "video/quicktime", 4.0)


@pytest.mark.parametrize("nested", [True, False])
async def test_the_content_may_be_nested_or_flat(ready: Browser, nested: bool) -> None:
    data = post_of(ready, "twitter")
    if nested:
        data["content"] = {"text": data.pop("text")}
    assert (await send(ready, data)).json()["post"]["text"] == "Hello"


async def test_an_api_key_may_upload_too(ready: Browser) -> None:
    headers = {"authorization": f"Bearer {ready.place.key(ready.user)}", "origin": "https://elsewhere.example"}
    async with httpx.AsyncClient(base_url=ready.place.url, trust_env=False, headers=headers) as http:
        answer = await http.post("/api/posts", data={"data": json.dumps(post_of(ready))}, files=PHOTO)
    assert answer.status_code == 201 and answer.headers["x-ratelimit-limit"] == "1000"


async def test_nobody_may_not_and_a_free_key_may_not(place: Place) -> None:
    async with httpx.AsyncClient(base_url=place.url, trust_env=False) as http:
        assert (await http.post("/api/posts", data={"data": "{}"}, files=PHOTO)).status_code == 401
        headers = {"authorization": f"Bearer {place.key(place.user('free'))}"}
        answer = await http.post("/api/posts", data={"data": "{}"}, files=PHOTO, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "PLAN_UPGRADE_REQUIRED")


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html></html>", b"%PDF-1.7", image("GIF", mode="P"), image()[:10]],
)  # fmt: skip
async def test_other_types_are_refused_and_nothing_is_kept(ready: Browser, content: bytes) -> None:
    answer = await send(ready, post_of(ready), [*PHOTO, ("files", ("photo.jpg", content, "image/jpeg"))])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "UNSUPPORTED_MEDIA_TYPE")
    assert error["details"][0]["field"] == "files.1" and files_of(ready) == 0


async def test_a_post_that_is_refused_keeps_no_file(ready: Browser) -> None:
    answer = await send(ready, post_of(ready, "twitter", text="x" * 300, scheduledFor="2020-01-01T00:00:00Z"))
    assert answer.status_code == 400 and len(answer.json()["error"]["details"]) >= 2
    assert files_of(ready) == 0
    assert not list((ready.place.app.settings.media_dir / "incoming").iterdir())


def stored_in(browser: Browser) -> set[str]:
    """What lies in the media folder."""
    return {str(path) for path in browser.place.app.settings.media_dir.rglob("*")}


async def test_faults_of_form_files_and_post_are_told_at_once(ready: Browser) -> None:
    before = stored_in(ready)
    files: Files = [("files", ("a.txt", b"no image", "image/png")), *PHOTO, ("files", ("b.gif", image("GIF", mode="P"), ""))]
    form = {"data": json.dumps(post_of(ready, "twitter", "youtube", text="x" * 300)), "more": "x"}
    answer = await ready.http.post("/api/posts?y=1", data=form, files=files, headers={"idempotency-key": ready.user["id"]})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "VALIDATION_FAILED")
    assert [(detail["code"], detail["field"], detail.get("platform")) for detail in error["details"]] == [
        ("VALIDATION_FAILED", "y", None), ("VALIDATION_FAILED", "more", None),
        ("UNSUPPORTED_MEDIA_TYPE", "files.0", None), ("UNSUPPORTED_MEDIA_TYPE", "files.2", None),
        ("CONTENT_TOO_LONG", "content.text", "twitter"), ("CONTENT_TOO_LONG", "content.text", "youtube"),
    ]  # fmt: skip
    assert files_of(ready) == 0 and stored_in(ready) == before


@pytest.mark.parametrize("platform", ["instagram", "youtube", "twitter"])
async def test_what_only_a_refused_file_would_break_is_not_told(ready: Browser, platform: str) -> None:
    files: Files = [("files", ("a.txt", b"no image", "image/png"))]
    text = "A film" if platform == "youtube" else ""  # its title
    for more in ([], PHOTO if platform != "youtube" else [("files", ("film.mp4", movie(), "video/mp4"))]):
        answer = await send(ready, post_of(ready, platform, text=text), [*files, *more])
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["files.0"]
    settings = {"instagram": {"settings": {"placement": "nowhere"}}}
    answer = await send(ready, post_of(ready, "instagram", platformOverrides=settings), files)
    assert [detail["code"] for detail in answer.json()["error"]["details"]] == ["UNSUPPORTED_MEDIA_TYPE", "INVALID_PLACEMENT"]


async def test_a_parameter_of_an_upload_is_refused(ready: Browser) -> None:
    form, before = {"data": json.dumps(post_of(ready))}, stored_in(ready)
    answer = await ready.http.post("/api/posts?x=1", data=form, files=PHOTO)
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["x"]
    assert answer.status_code == 400 and files_of(ready) == 0 and stored_in(ready) == before


async def test_bad_files_are_told_beside_data_that_cannot_be_read(ready: Browser) -> None:
    answer = await send(ready, "{", [("files", ("a.txt", b"no image", "image/png"))])
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["body", "files.0"]


@pytest.mark.parametrize(
    ("data", "field"),
    [("", "body"), ("[]", "body"), ("{", "body"), ('{"a":1,"a":2}', "body"), ("{}", "platformSetId")],
)  # fmt: skip
async def test_data_that_is_no_post_is_refused(ready: Browser, data: str, field: str) -> None:
    answer = await send(ready, data)
    assert answer.status_code == 400
    assert field in {detail.get("field") for detail in answer.json()["error"]["details"]}


@pytest.mark.parametrize("body", [b"", b"--x\r\n", b"--x\r\n\r\n\r\n--x", b"no form at all", b"--x\r\nnonsense\r\n\r\n--x--"])
async def test_what_is_no_form_is_refused(ready: Browser, body: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = await ready.http.post("/api/posts", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "", "text/plain"])
async def test_another_content_type_is_refused(ready: Browser, content_type: str) -> None:
    answer = await ready.http.post("/api/posts", content=b"{}", headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_FAILED")


async def test_fields_that_have_no_place_are_refused(ready: Browser) -> None:
    form = {"data": json.dumps(post_of(ready)), "more": "x"}
    answer = await ready.http.post("/api/posts", data=form, files=PHOTO)
    assert answer.status_code == 400 and answer.json()["error"]["details"][0]["field"] == "more"
    missing = await ready.http.post("/api/posts", data={"more": "x"}, files=PHOTO)
    assert missing.status_code == 400


# -- the same request again --------------------------------------------------------------------------------------------


async def test_the_same_upload_again_gets_the_first_answer(ready: Browser) -> None:
    key = {"idempotency-key": f"upload-{ready.user['id']}"}
    first = await send(ready, post_of(ready), **key)
    again = await send(ready, post_of(ready), **key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert files_of(ready) == 1
    other = await send(ready, post_of(ready), [("files", ("photo.jpg", image(size=(9, 9)), "image/jpeg"))], **key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await send(ready, post_of(ready, text="Other"), **key)).status_code == 422


async def test_uploads_at_the_same_time_with_one_key_make_one_post(ready: Browser) -> None:
    key = {"idempotency-key": f"race-{ready.user['id']}"}
    answers = await asyncio.gather(*(send(ready, post_of(ready), **key) for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["post"]["id"] for answer in answers if answer.status_code == 201}) == 1
    assert files_of(ready) == 1


# -- published ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", ["twitter", "instagram"])
async def test_what_was_uploaded_arrives_on_the_platform(ready: Browser, platform: str) -> None:
    content = image("PNG" if platform == "instagram" else "JPEG", (600, 600))
    files: Files = [("files", ("photo", content, "image/jpeg"))]
    post = (await send(ready, post_of(ready, platform), files)).json()["post"]
    bearer = {"authorization": f"Bearer {ready.place.key(ready.user)}"}
    answer = await ready.http.post(f"/api/v1/posts/{post['id']}/publish", headers=bearer)
    assert answer.status_code == 200, answer.text
    (done,) = answer.json()["post"]["platformPosts"]
    published = ready.place.world.find_post(platform, done["platformPostId"])
    assert published is not None
    (arrived,) = published.media
    if platform == "twitter":
        assert arrived["sha256"] == hashlib.sha256(content).hexdigest()
    else:
        assert arrived["mimeType"] == "image/jpeg"
        assert done["notes"] == ["Converted from image/png to image/jpeg for Instagram."]
    row = ready.place.app.db.read_here(media_files.by_secret, post["media"][0]["url"].split("/")[-2])
    assert row is not None and row.post_id == post["id"]


# -- the reader --------------------------------------------------------------------------------------------------------


def form_of(*parts: tuple[str, str, bytes]) -> bytes:
    made = b""
    for name, filename, content in parts:
        extra = f'; filename="{filename}"' if filename else ""
        made += f'--x\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"
    return made + b"--x--\r\n"


async def pieces(body: bytes, size: int) -> Any:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_however_it_is_cut_the_form_is_the_same(tmp_path: Any, size: int) -> None:
    content = bytes(range(256)) + b"\r\n--x\r" + b"\r\n--" + b"tail"
    body = form_of(("data", "", "{ü}".encode()), ("files", "a", content), ("files", "", b""))
    form = await read_form(pieces(body, size), "multipart/form-data; boundary=x", tmp_path, uploads.FILE_FIELDS, Bounds())
    assert form.texts == {"data": "{ü}"}
    assert [part.got.path.read_bytes() for part in form.files] == [content, b""]
    assert form.files[0].got.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("parts", "bounds"),
    [
        ([("files", "a", bytes(101))], Bounds(file=100)),
        ([("data", "", bytes(101))], Bounds(text=100)),
        ([("files", str(n), b"") for n in range(4)], Bounds(parts=3)),
        ([("files", "a", bytes(500)), ("files", "b", bytes(500))], Bounds(whole=900)),
    ],
)
async def test_beyond_the_bounds_it_stops(tmp_path: Any, parts: Any, bounds: Bounds) -> None:
    with pytest.raises(AppError) as caught:
        await read_form(pieces(form_of(*parts), 64), "multipart/form-data; boundary=x", tmp_path, uploads.FILE_FIELDS, bounds)
    assert caught.value.code == "PAYLOAD_TOO_LARGE" and caught.value.details[0]["limit"]
