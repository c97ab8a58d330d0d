"""What is refused, with which code, and that everything wrong is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError
from storage import media_files
from storage.tables import MediaFile, new_id
from tests.clock import Clock
from tests.services.conftest import Ask

VIDEO = {"type": "video", "url": "https://cdn.example.com/a.mp4", "mimeType": "video/mp4", "sizeBytes": 1000,
         "durationSeconds": 30}  # fmt: skip
HERE = {"text": "Hi"}
#: For what is decided before a database is asked.
on_sqlite = pytest.mark.parametrize("db", ["sqlite"], indirect=True)


@pytest.fixture
def post_of(writer: Caller, a_set: Any) -> dict[str, Any]:
    """The raw arguments of a post without faults."""
    return {"content": {"text": "Hi"}, "platforms": ["threads"], "platformSetId": a_set(writer)}


async def test_faults_of_shape_and_of_rules_come_together(refused: Ask, writer: Caller, post_of: Any) -> None:
    raw = post_of | {
        "content": {"text": "x" * 600, "colour": "red"}, "platforms": ["threads", "bluesky", "instagram"],
        "scheduledFor": "2026-11-30T12:00:00Z", "platformSetId": 7,
    }  # fmt: skip
    answer = await refused(writer, "posts_create", **raw)
    assert answer["code"] == "VALIDATION_FAILED"
    assert answer["faults"] == {
        ("content.colour", "VALIDATION_FAILED"),
        ("platforms.1", "VALIDATION_FAILED"),
        ("platformSetId", "VALIDATION_FAILED"),
        ("content.text", "CONTENT_TOO_LONG"),
        ("content.media", "UNSUPPORTED_MEDIA_CONFIG"),
        ("scheduledFor", "VALIDATION_FAILED"),
    }


async def test_faults_that_share_a_code_give_the_error_that_code(refused: Ask, writer: Caller, post_of: Any) -> None:
    raw = post_of | {"content": {"text": "x" * 600}, "platforms": ["threads", "twitter"]}
    answer = await refused(writer, "posts_create", **raw)
    assert answer["code"] == "CONTENT_TOO_LONG"
    details = {detail["platform"]: detail for detail in answer["error"].details}
    assert (details["threads"]["limit"], details["threads"]["actual"]) == (500, 600)
    assert (details["twitter"]["limit"], details["twitter"]["actual"]) == (280, 600)


@on_sqlite
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"platforms": []}, "NO_PLATFORMS_SELECTED", "platforms"),
        ({"platforms": None}, "NO_PLATFORMS_SELECTED", "platforms"),
        ({"platforms": "threads"}, "VALIDATION_FAILED", "platforms"),
        ({"content": {}}, "VALIDATION_FAILED", "content.text"),
        ({"content": {"text": None}}, "VALIDATION_FAILED", "content.text"),
        ({"content": {"text": "a\x00b"}}, "VALIDATION_FAILED", "content.text"),
        ({"content": {"text": "a\x1bb"}}, "VALIDATION_FAILED", "content.text"),
        ({"content": {"text": 5}}, "VALIDATION_FAILED", "content.text"),
        ({"content": "Hi"}, "VALIDATION_FAILED", "content"),
        ({"platformSetId": None}, "VALIDATION_FAILED", "platformSetId"),
        ({"extra": 1}, "VALIDATION_FAILED", "extra"),
        ({"content": {**HERE, "linkUrl": "ftp://example.com/"}}, "VALIDATION_FAILED", "content.linkUrl"),
        ({"content": {**HERE, "linkUrl": "https://me:secret@example.com/"}}, "VALIDATION_FAILED", "content.linkUrl"),
        ({"content": {**HERE, "linkUrl": "https://example.com\\@evil.example/"}}, "VALIDATION_FAILED", "content.linkUrl"),
        ({"content": {**HERE, "media": [{**VIDEO, "sizeBytes": 1.5}]}}, "VALIDATION_FAILED", "content.media.0.sizeBytes"),
        ({"content": {**HERE, "media": [{**VIDEO, "sizeBytes": True}]}}, "VALIDATION_FAILED", "content.media.0.sizeBytes"),
        ({"content": {**HERE, "media": [{**VIDEO, "width": 0}]}}, "VALIDATION_FAILED", "content.media.0.width"),
        ({"content": {**HERE, "media": [{"type": "image"}]}}, "VALIDATION_FAILED", "content.media.0.url"),
        ({"content": {**HERE, "media": [{**VIDEO, "type": "audio"}]}}, "VALIDATION_FAILED", "content.media.0.type"),
        (
            {"content": {**HERE, "platformOverrides": {"bluesky": {"text": "Hi"}}}},
            "VALIDATION_FAILED", "content.platformOverrides.bluesky",
        ),
        (
            {"content": {**HERE, "platformOverrides": {"tiktok": {"settings": {"privacyLevel": "NOBODY"}}}}},
            "VALIDATION_FAILED", "content.platformOverrides.tiktok.settings.privacyLevel",
        ),
        (
            {"content": {**HERE, "platformOverrides": {"instagram": {"settings": {"placement": "roof"}}}}},
            "INVALID_PLACEMENT", "content.platformOverrides.instagram.settings.placement",
        ),
        (
            {"content": {**HERE, "platformOverrides": {"threads": {"text": "x" * 501}}}},
            "CONTENT_TOO_LONG", "content.platformOverrides.threads.text",
        ),
    ],
)  # fmt: skip
async def test_one_fault(refused: Ask, writer: Caller, post_of: Any, change: dict[str, Any], code: str, field: str) -> None:
    answer = await refused(writer, "posts_create", **(post_of | change))
    assert (answer["code"], answer["faults"]) == (code, {(field, code)})
    assert answer["error"].hint


async def test_overrides_of_platforms_that_are_not_selected_are_kept_unjudged(write: Ask, writer: Caller, post_of: Any) -> None:
    overrides = {"twitter": {"text": "x" * 1000}, "youtube": {"settings": {"title": "t" * 500}}}
    post = await write(writer, platformOverrides=overrides)
    assert post["platformOverrides"] == overrides


async def test_an_override_counts_for_its_platform_alone(write: Ask, writer: Caller) -> None:
    await write(writer, "x" * 600, platforms=("linkedin", "threads"), platformOverrides={"threads": {"text": "short"}})


async def test_a_platform_without_account_is_named(refused: Ask, a_user: Any, an_account: Any, a_set: Any) -> None:
    caller = a_user()
    an_account(caller, "threads")
    raw = {"content": HERE, "platforms": ["threads", "twitter", "linkedin"], "platformSetId": a_set(caller)}
    answer = await refused(caller, "posts_create", **raw)
    assert answer["code"] == "PLATFORM_NOT_CONNECTED"
    assert [detail["platform"] for detail in answer["error"].details] == ["twitter", "linkedin"]
    assert "accounts_list" in answer["error"].hint


async def test_a_revoked_account_is_none(app: App, refused: Ask, writer: Caller, post_of: Any, an_account: Any) -> None:
    from storage import accounts

    account = app.db.read_here(accounts.rows, writer.user_id, platform="threads")[0]
    app.db.write_here(accounts.revoke, writer.user_id, account["id"], app.clock())
    assert (await refused(writer, "posts_create", **post_of))["code"] == "PLATFORM_NOT_CONNECTED"


# -- time ------------------------------------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize(
    "given",
    [
        "1780304400", 1780304400, 1780304400.5, "-1", "", True, "2026-12-02", "2026-12-02T09:00:00",
        "2026-12-02 09:00:00Z", "2026-12-02T09:00Z", "2026-12-02T09:00:00\u221201:00", "2026-12-02T09:00:00+0100",
        "20261202T090000Z", "2026-13-02T09:00:00Z", "2026-02-30T09:00:00Z", "2026-12-02T24:00:00Z",
        "2026-12-02T09:00:60Z", "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "0000-01-01T00:00:00Z",
        "2026-12-02T09:00:00+24:00", " 2026-12-02T09:00:00Z", "2026-12-02T09:00:00Z\n", "２０26-12-02T09:00:00Z",
        "2026-12-02T09:00:00." + "1" * 99 + "Z",
        # not in the future, and more than five years ahead
        "2026-12-01T12:00:00Z", "2026-12-01T11:59:59.999999Z", "1999-01-01T00:00:00Z",
        "2031-12-01T12:00:00.001Z", "9999-12-31T23:59:59Z",
    ],
)  # fmt: skip
async def test_times_that_are_refused(refused: Ask, writer: Caller, post_of: Any, given: Any) -> None:
    answer = await refused(writer, "posts_create", **(post_of | {"platforms": ["facebook"], "scheduledFor": given}))
    assert answer["faults"] == {("scheduledFor", "VALIDATION_FAILED")}


@on_sqlite
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2026-12-02T09:00:00Z", "2026-12-02T09:00:00Z"),
        ("2026-12-02t09:00:00z", "2026-12-02T09:00:00Z"),
        ("2026-12-02T09:00:00.5+05:30", "2026-12-02T03:30:00.500Z"),
        ("2026-12-02T09:00:00-00:00", "2026-12-02T09:00:00Z"),
        ("2026-12-01T12:00:00.000001Z", "2026-12-01T12:00:00Z"),
        ("2031-12-01T12:00:00Z", "2031-12-01T12:00:00Z"),
        ("2026-12-02T09:00:00.9999999Z", "2026-12-02T09:00:01Z"),
    ],
)
async def test_times_that_are_taken(ask: Ask, writer: Caller, post_of: Any, given: str, shown: str) -> None:
    answer = await ask(writer, "posts_create", **(post_of | {"platforms": ["facebook"], "scheduledFor": given}))
    assert answer["post"]["scheduledFor"] == shown


async def test_five_years_from_a_leap_day(ask: Ask, writer: Caller, post_of: Any, clock: Clock) -> None:
    clock.now = clock.now.replace(year=2028, month=2, day=29)
    raw = post_of | {"platforms": ["facebook"], "scheduledFor": "2033-02-28T12:00:00Z"}
    assert (await ask(writer, "posts_create", **raw))["post"]["status"] == "scheduled"


# -- addresses -------------------------------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "017700000001", "0", "127。0。0。1", "①②⑦.0.0.1",
        "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]",
        "[fc00::1]", "[ff02::1]", "127.0.0.1.",
    ],
)  # fmt: skip
async def test_private_addresses_are_refused_in_any_notation(refused: Ask, writer: Caller, post_of: Any, host: str) -> None:
    media = [{**VIDEO, "url": f"http://{host}/a.mp4", "thumbnailUrl": f"https://{host}:8443/a.jpg"}]
    answer = await refused(writer, "posts_create", **(post_of | {"content": {**HERE, "media": media}}))
    assert answer["faults"] == {
        ("content.media.0.url", "VALIDATION_FAILED"),
        ("content.media.0.thumbnailUrl", "VALIDATION_FAILED"),
    }


@pytest.mark.parametrize("url", ["https://93.184.216.34/a.mp4", "https://[2606:4700::1]/a.mp4", "http://localhost/a.mp4"])
async def test_public_addresses_and_names_are_taken(ask: Ask, writer: Caller, post_of: Any, url: str) -> None:
    raw = post_of | {"content": {**HERE, "media": [{**VIDEO, "url": url}]}}
    assert (await ask(writer, "posts_create", **raw))["post"]["media"][0]["url"] == url


async def test_an_edit_is_judged_by_the_addresses_it_gives(ask: Ask, refused: Ask, write: Ask, writer: Caller) -> None:
    post = await write(writer)
    media = [{**VIDEO, "url": "http://10.0.0.1/a.mp4"}]
    answer = await refused(writer, "posts_update", postId=post["id"], content={"media": media})
    assert answer["faults"] == {("content.media.0.url", "VALIDATION_FAILED")}


async def test_own_uploads_are_taken_and_other_peoples_are_not(
    app: App, ask: Ask, refused: Ask, writer: Caller, a_user: Any, a_set: Any, an_account: Any
) -> None:
    secret = "s" * 43
    file = MediaFile(
        id=new_id(), user_id=writer.user_id, secret=secret, filename="a.mp4", mime_type="video/mp4", size_bytes=1,
        sha256="0" * 64, created_at=app.clock(),
    )  # fmt: skip
    app.db.write_here(lambda s: media_files.add(s, file) and None)
    content = {**HERE, "media": [{**VIDEO, "url": f"{app.settings.address}/media/{secret}/a.mp4"}]}
    await ask(writer, "posts_create", content=content, platforms=["threads"], platformSetId=a_set(writer))
    stranger = a_user()
    an_account(stranger, "threads")
    raw = {"content": content, "platforms": ["threads"], "platformSetId": a_set(stranger)}
    assert (await refused(stranger, "posts_create", **raw))["code"] == "VALIDATION_FAILED"


async def test_allowed_addresses_are_taken(app: App, ask: Ask, writer: Caller, post_of: Any) -> None:
    raw = post_of | {"content": {**HERE, "media": [{**VIDEO, "url": "http://127.0.0.1:9000/a.mp4"}]}}
    with pytest.raises(AppError):
        await ask(writer, "posts_create", **raw)
    app.settings = app.settings.model_copy(update={"media_allow": "127.0.0.1:9000"})
    await ask(writer, "posts_create", **raw)
