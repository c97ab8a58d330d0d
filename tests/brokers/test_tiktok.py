"""TikTok against the simulator: what was asked arrives, the creator's limits hold, nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.sandbox.tiktok import errors
from brokers.sandbox.tiktok_answers import OAUTH
from brokers.tiktok import BROKER
from brokers.tiktok.accepts import Settings
from brokers.tiktok.errors import FAILURES, REFUSALS
from brokers.tiktok.upload import CHUNK, chunk_plan
from tests.brokers.media_server import JPEG, PNG, hosting
from tests.brokers.pushed import Bench, Files, page_of

MIB = 1024 * 1024
hosted = pytest.fixture(hosting, name="hosted")


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
async def tiktok(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


def settings(**wire):
    return Settings.model_validate(wire)


def film(files, size=300, **more):
    return (files.media("video/mp4", size, **more),)


def creator(tiktok, **extra):
    tiktok.world.identity("tiktok").extra |= extra


def photos(hosted, count):
    return tuple(hosted.media("image", JPEG + bytes([n])) for n in range(count))


def chunks_sent(tiktok):
    return [request["step"] for request in tiktok.world.requests if request["method"] == "PUT"]


async def refused(tiktok, draft):
    with pytest.raises(PlatformError) as caught:
        await tiktok.publish(draft)
    assert tiktok.posts == []
    return caught.value


async def test_a_video_with_every_setting_arrives_and_its_link_opens(tiktok, files):
    asked = settings(
        privacyLevel="PUBLIC_TO_EVERYONE", disableComment=True, disableDuet=True, disableStitch=False,
        brandContentToggle=True, brandOrganicToggle=True, isAigc=True, videoCoverTimestampMs=1500,
    )  # fmt: skip
    media = film(files, duration_seconds=20)
    receipt = await tiktok.publish(Draft("A film 🎬 #garden", media, settings=asked))
    (post,) = tiktok.posts
    assert (post.id, post.text, tiktok.seen) == (receipt.id, "A film 🎬 #garden", [files.seen(media[0])])
    assert {name: value for name, value in post.extra.items() if name != "publish_id"} == {
        "privacy_level": "PUBLIC_TO_EVERYONE", "disable_comment": True, "disable_duet": True, "disable_stitch": False,
        "brand_content_toggle": True, "brand_organic_toggle": True, "is_aigc": True, "video_cover_timestamp_ms": 1500,
    }  # fmt: skip
    assert receipt.url == f"{tiktok.simulator.root}/www.tiktok.com/@{tiktok.account.username}/video/{post.id}"
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "A film" in page.text
    assert (tiktok.steps.sent, receipt.notes) == (1, ())


@pytest.mark.parametrize("size", [100, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 77])
async def test_only_the_last_chunk_is_the_irreversible_request(tiktok, files, size):
    media = film(files, size)
    await tiktok.publish(Draft("Long", media))
    assert tiktok.seen == [files.seen(media[0])]
    _, count = chunk_plan(size)
    assert chunks_sent(tiktok) == ["upload"] * (count - 1) + ["publish"]
    assert tiktok.steps.sent == 1


@pytest.mark.parametrize("size", [1, 5 * MIB - 1, 5 * MIB, 2 * CHUNK - 1, 2 * CHUNK, 64 * MIB + 1, 4 * 1024 * MIB])
def test_chunks_are_what_tiktok_takes(size):
    chunk, count = chunk_plan(size)
    last = size - (count - 1) * chunk
    assert count == size // chunk and 1 <= count <= 1000
    assert (count == 1 and chunk == size) or 5 * MIB <= chunk <= 64_000_000
    assert 0 < last <= 64_000_000


async def test_photos_arrive_in_order_and_their_link_opens(tiktok, hosted):
    media = photos(hosted, 3)
    asked = settings(disableComment=True, isAigc=True)
    receipt = await tiktok.publish(Draft("Three pictures", media, settings=asked))
    (post,) = tiktok.posts
    assert (post.id, post.text) == (receipt.id, "Three pictures")
    assert post.media == [hosted.seen(JPEG + bytes([n])) for n in range(3)]
    assert post.extra["disable_comment"] and post.extra["is_aigc"] and "disable_duet" not in post.extra
    assert receipt.url.endswith(f"/photo/{post.id}")
    assert (await page_of(receipt.url)).status_code == 200
    assert tiktok.steps.sent == 1


async def test_a_private_post_links_to_the_profile(tiktok, files):
    receipt = await tiktok.publish(Draft("Only me", film(files), settings=settings(privacyLevel="SELF_ONLY")))
    assert receipt.id == tiktok.posts[0].extra["publish_id"]
    assert receipt.url == f"{tiktok.simulator.root}/www.tiktok.com/@{tiktok.account.username}"
    assert (await page_of(receipt.url)).status_code == 200
    assert receipt.notes == ()


async def test_without_a_username_the_creator_is_asked(tiktok, files):
    tiktok.account = replace(tiktok.account, username=None)
    receipt = await tiktok.publish(Draft("Nameless", film(files)))
    assert (await page_of(receipt.url)).status_code == 200


async def test_what_was_narrowed_is_said(tiktok, files):
    creator(tiktok, unaudited=True)
    receipt = await tiktok.publish(Draft("Hello", film(files)))
    assert tiktok.posts[0].extra["privacy_level"] == "SELF_ONLY"
    assert len(receipt.notes) == 1 and "SELF_ONLY" in receipt.notes[0]


async def test_a_private_only_app_is_said_plainly(tiktok, files):
    creator(tiktok, unaudited=True)
    said = await refused(tiktok, Draft("Hello", film(files), settings=settings(privacyLevel="PUBLIC_TO_EVERYONE")))
    assert (said.kind, said.broker_code) == ("content", "PUBLISH_FAILED")
    assert "audited" in said.hint and "SELF_ONLY" in said.hint


async def test_a_level_that_is_not_offered_names_those_that_are(tiktok, files):
    said = await refused(tiktok, Draft("Hello", film(files), settings=settings(privacyLevel="FOLLOWER_OF_CREATOR")))
    assert said.kind == "content"
    assert "PUBLIC_TO_EVERYONE, MUTUAL_FOLLOW_FRIENDS, SELF_ONLY" in said.hint


async def test_branded_content_cannot_fall_back_to_private(tiktok, files):
    creator(tiktok, unaudited=True)
    said = await refused(tiktok, Draft("Ad", film(files), settings=settings(brandContentToggle=True)))
    assert said.kind == "content" and "brandContentToggle" in said.hint


@pytest.mark.parametrize("name", ["comment", "duet", "stitch"])
async def test_what_the_creator_switched_off_stays_off(tiktok, files, name):
    creator(tiktok, disabled=(name,))
    wire = f"disable{name.capitalize()}"
    said = await refused(tiktok, Draft("Hello", film(files), settings=settings(**{wire: False})))
    assert said.kind == "content" and wire in said.hint
    tiktok.start_over()
    await tiktok.publish(Draft("Hello", film(files)))
    assert tiktok.posts[0].extra[f"disable_{name}"] is True


async def test_a_video_longer_than_the_creator_may_post_is_not_sent(tiktok, files):
    creator(tiktok, max_seconds=60)
    said = await refused(tiktok, Draft("Long", film(files, duration_seconds=60.5)))
    assert said.kind == "content" and "60 seconds" in said.hint
    assert chunks_sent(tiktok) == []


async def test_the_creator_is_asked_before_every_post(tiktok, files):
    for _ in range(2):
        tiktok.start_over()
        await tiktok.publish(Draft("Hello", film(files)))
    asked = [r["path"] for r in tiktok.world.requests]
    assert asked.count("/v2/post/publish/creator_info/query/") == 2
    assert asked[0] == "/v2/post/publish/creator_info/query/"


async def test_an_upload_whose_answer_was_lost_goes_on_behind_what_tiktok_has(tiktok, files):
    draft = Draft("Broken", film(files, 3 * CHUNK + 5))
    tiktok.arm("wait", "error_before")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    tiktok.arm("upload", "error_after")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert tiktok.steps.sent == 0
    await tiktok.publish(draft)
    assert tiktok.seen == [files.seen(draft.media[0])]
    assert chunks_sent(tiktok) == ["upload", "upload", "publish"]


async def test_a_lost_answer_of_the_last_chunk_is_found(tiktok, files):
    draft = Draft("Is it there?", film(files))
    tiktok.hurry()
    tiktok.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    sighting = await tiktok.find(draft)
    assert (sighting.state, sighting.receipt.id) == ("published", tiktok.posts[0].id)
    assert (await page_of(sighting.receipt.url)).status_code == 200


async def test_a_last_chunk_that_never_arrived_is_sent_under_the_same_publish_id(tiktok, files):
    draft = Draft("Not there", film(files, 2 * CHUNK))
    tiktok.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert (await tiktok.find(draft)).state == "resume"
    receipt = await tiktok.publish(draft)
    assert [post.id for post in tiktok.posts] == [receipt.id]
    assert tiktok.seen == [files.seen(draft.media[0])]
    assert [r["path"] for r in tiktok.world.requests].count("/v2/post/publish/video/init/") == 1


async def test_a_chunk_sent_again_after_it_arrived_is_never_called_refused(tiktok, files):
    draft = Draft("Twice", film(files))
    tiktok.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    with pytest.raises(PlatformError) as caught:
        await tiktok.publish(draft)
    assert caught.value.may_have_posted and len(tiktok.posts) == 1


@pytest.mark.parametrize("status", [403, 416])
@pytest.mark.parametrize("size", [100, 2 * CHUNK])
async def test_an_address_that_refuses_the_bytes_begins_anew(tiktok, files, size, status):
    draft = Draft("Expired", film(files, size))
    if size > CHUNK:
        tiktok.arm("wait", "error_before")
        with pytest.raises(Unclear):
            await tiktok.publish(draft)
    tiktok.world.arm_reply("tiktok", "upload" if size > CHUNK else "publish", status, {})
    said = await refused(tiktok, draft)
    assert said.restart and not said.may_have_posted and said.kind == "transient"
    tiktok.start_over()
    await tiktok.publish(draft)
    assert len(tiktok.posts) == 1


async def test_an_upload_address_is_good_for_an_hour(tiktok, files):
    draft = Draft("Late", film(files, 2 * CHUNK))
    tiktok.arm("wait", "error_before")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    tiktok.world.objects[tiktok.steps.journal["upload"]["publish_id"]]["until"] = 0
    assert (await refused(tiktok, draft)).platform_code == "upload_refused"


async def test_a_lost_answer_of_photos_cannot_be_looked_up(tiktok, hosted):
    draft = Draft("Lost", photos(hosted, 1))
    tiktok.hurry()
    tiktok.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert (await tiktok.find(draft)).state == "not_seen"
    assert len(tiktok.posts) == 1


async def test_a_known_publish_id_of_photos_is_found_after_a_restart(tiktok, hosted):
    draft = Draft("Kept", photos(hosted, 1))
    receipt = await tiktok.publish(draft)
    tiktok.world.objects.clear()
    assert (await tiktok.find(draft)).receipt.id == receipt.id


async def test_a_post_that_tiktok_still_works_on_is_pending(tiktok, files):
    draft = Draft("Slow", film(files))
    tiktok.arm("wait", "slow", delay=60)
    tiktok.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert (await tiktok.find(draft)).state == "pending"


async def test_without_an_upload_nothing_was_sent(tiktok, files):
    draft = Draft("Never", film(files))
    assert (await tiktok.find(draft, journal={}, started_at=datetime.now(UTC))).state == "not_seen"


async def test_processing_is_waited_for(tiktok, files):
    tiktok.arm("wait", "slow", delay=0.2)
    receipt = await tiktok.publish(Draft("Slow", film(files)))
    assert len([r for r in tiktok.world.requests if r["step"] == "wait"]) > 1
    assert receipt.id == tiktok.posts[0].id


async def test_a_post_that_takes_too_long_counts_as_taken_and_says_so(tiktok, files):
    class Impatient(type(tiktok.steps)):
        async def wait(self, name, ask, *, every, limit):
            assert await ask() is None
            raise PlatformError("still processing", kind="transient", restart=True)

    tiktok.steps = Impatient(tiktok.api)
    tiktok.arm("wait", "slow", delay=60)
    receipt = await tiktok.publish(Draft("Very slow", film(files)))
    assert receipt.id == tiktok.posts[0].extra["publish_id"]
    assert len(receipt.notes) == 1 and "still works" in receipt.notes[0]


async def test_a_rate_limited_look_is_repeated(tiktok, files):
    tiktok.arm("wait", "rate_limit", times=2)
    receipt = await tiktok.publish(Draft("There", film(files)))
    assert receipt.id == tiktok.posts[0].id


@pytest.mark.parametrize("reason", list(FAILURES))
async def test_every_fail_reason_is_told(tiktok, files, reason):
    creator(tiktok, fail_reason=reason)
    draft = Draft("Judged", film(files))
    said, row = await refused(tiktok, draft), FAILURES[reason]
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert said.platform_code == reason and reason in said.message and said.hint
    sighting = await tiktok.find(draft)
    assert (sighting.state, sighting.error.platform_code) == ("refused", reason)


async def test_files_that_tiktok_cannot_use_fail(tiktok, files, hosted):
    assert (await refused(tiktok, Draft("Text", film(files, content="text/plain")))).code == "MEDIA_UPLOAD_FAILED"
    tiktok.start_over()
    said = await refused(tiktok, Draft("Drawing", (hosted.media("image", PNG),)))
    assert said.platform_code == "file_format_check_failed"
    tiktok.start_over()
    said = await refused(tiktok, Draft("Nowhere", (replace(photos(hosted, 1)[0], source=hosted.nowhere()),)))
    assert said.platform_code == "photo_pull_failed"


@pytest.mark.parametrize("code", [code for code in errors() if code not in OAUTH])
@pytest.mark.parametrize("with_200", [False, True])
async def test_every_documented_refusal_is_understood(tiktok, files, code, with_200):
    status, headers, body = errors()[code]
    status = 200 if with_200 else status
    tiktok.world.arm_reply("tiktok", "upload", status, body, headers)
    with pytest.raises(Unclear if status >= 500 else PlatformError) as caught:
        await tiktok.publish(Draft("Refused", film(files)))
    assert tiktok.posts == []
    if status >= 500:
        assert code in str(caught.value)
        return
    row, said = REFUSALS[code], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert (said.platform_code, said.status, said.retry_after) == (code, status, row.retry_after)
    assert said.may_have_posted == (code == "internal_error") and said.hint


async def test_photos_refused_at_once_were_surely_not_posted(tiktok, hosted):
    status, headers, body = errors()["url_ownership_unverified"]
    tiktok.world.arm_reply("tiktok", "publish", status, body, headers)
    said = await refused(tiktok, Draft("Refused", photos(hosted, 1)))
    assert (said.kind, said.broker_code, said.may_have_posted) == ("config", "INVALID_CONFIG", False)
    assert "AMPOST_PUBLIC_URL" in said.hint


async def test_an_unknown_code_is_still_a_refusal(tiktok, files):
    body = {"data": {}, "error": {"code": "something_new", "message": "no", "log_id": "1"}}
    tiktok.world.arm_reply("tiktok", "upload", 200, body)
    said = await refused(tiktok, Draft("New", film(files)))
    assert (said.kind, said.broker_code, said.platform_code) == ("unknown", "PLATFORM_ERROR", "something_new")


async def test_tiktok_says_how_long_to_wait(tiktok, files):
    tiktok.arm("upload", "rate_limit", retry_after=7)
    said = await refused(tiktok, Draft("Too much", film(files)))
    assert (said.kind, said.retry_after) == ("quota", 7)


async def test_no_token_goes_to_the_upload_address(tiktok, files, client):
    seen = []

    async def note(request):
        seen.append(request)

    client.event_hooks = {"request": [note]}
    await tiktok.publish(Draft("Quiet", film(files, 2 * CHUNK)))
    sent = [request for request in seen if request.method == "PUT"]
    assert sent and all("authorization" not in request.headers for request in sent)
