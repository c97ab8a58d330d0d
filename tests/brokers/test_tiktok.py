"""TikTok against the simulator: what was asked arrives, the creator's limits hold, nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.tiktok import BROKER
from brokers.tiktok.accepts import Settings
from brokers.tiktok.upload import CHUNK, chunk_plan
from tests.brokers.bench import Bench, page_of
from tests.brokers.media_server import JPEG

MIB = 1024 * 1024


@pytest.fixture
async def tiktok(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


def settings(**wire):
    return Settings.model_validate(wire)


def chunks_sent(tiktok):
    return [request["step"] for request in tiktok.world.requests if request["method"] == "PUT"]


async def test_a_video_with_every_setting_arrives_and_its_link_opens(tiktok, files):
    asked = settings(
        privacyLevel="PUBLIC_TO_EVERYONE", disableComment=True, disableDuet=True, disableStitch=False,
        brandContentToggle=True, brandOrganicToggle=True, isAigc=True, videoCoverTimestampMs=1500,
    )  # fmt: skip
    media = files.film(duration_seconds=20)
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
    media = files.film(size)
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
    media = hosted.photos(3)
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
    receipt = await tiktok.publish(Draft("Only me", files.film(), settings=settings(privacyLevel="SELF_ONLY")))
    assert receipt.id == tiktok.posts[0].extra["publish_id"]
    assert receipt.url == f"{tiktok.simulator.root}/www.tiktok.com/@{tiktok.account.username}"
    assert (await page_of(receipt.url)).status_code == 200
    assert receipt.notes == ()


async def test_without_a_username_the_creator_is_asked(tiktok, files):
    tiktok.account = replace(tiktok.account, username=None)
    receipt = await tiktok.publish(Draft("Nameless", files.film()))
    assert (await page_of(receipt.url)).status_code == 200


async def test_what_was_narrowed_is_said(tiktok, files):
    tiktok.limits.update(unaudited=True)
    receipt = await tiktok.publish(Draft("Hello", files.film()))
    assert tiktok.posts[0].extra["privacy_level"] == "SELF_ONLY"
    assert len(receipt.notes) == 1 and "SELF_ONLY" in receipt.notes[0]


async def test_a_private_only_app_is_said_plainly(tiktok, files):
    tiktok.limits.update(unaudited=True)
    said = await tiktok.refused(Draft("Hello", files.film(), settings=settings(privacyLevel="PUBLIC_TO_EVERYONE")))
    assert (said.kind, said.broker_code) == ("content", "PUBLISH_FAILED")
    assert "audited" in said.hint and "SELF_ONLY" in said.hint


async def test_a_level_that_is_not_offered_names_those_that_are(tiktok, files):
    said = await tiktok.refused(Draft("Hello", files.film(), settings=settings(privacyLevel="FOLLOWER_OF_CREATOR")))
    assert said.kind == "content"
    assert "PUBLIC_TO_EVERYONE, MUTUAL_FOLLOW_FRIENDS, SELF_ONLY" in said.hint


async def test_branded_content_cannot_fall_back_to_private(tiktok, files):
    tiktok.limits.update(unaudited=True)
    said = await tiktok.refused(Draft("Ad", files.film(), settings=settings(brandContentToggle=True)))
    assert said.kind == "content" and "brandContentToggle" in said.hint


@pytest.mark.parametrize("name", ["comment", "duet", "stitch"])
async def test_what_the_creator_switched_off_stays_off(tiktok, files, name):
    tiktok.limits.update(disabled=(name,))
    wire = f"disable{name.capitalize()}"
    said = await tiktok.refused(Draft("Hello", files.film(), settings=settings(**{wire: False})))
    assert said.kind == "content" and wire in said.hint
    tiktok.start_over()
    await tiktok.publish(Draft("Hello", files.film()))
    assert tiktok.posts[0].extra[f"disable_{name}"] is True


async def test_a_video_longer_than_the_creator_may_post_is_not_sent(tiktok, files):
    tiktok.limits.update(max_seconds=60)
    said = await tiktok.refused(Draft("Long", files.film(duration_seconds=60.5)))
    assert said.kind == "content" and "60 seconds" in said.hint
    assert chunks_sent(tiktok) == []


async def test_the_creator_is_asked_before_every_post(tiktok, files):
    for _ in range(2):
        tiktok.start_over()
        await tiktok.publish(Draft("Hello", files.film()))
    asked = [r["path"] for r in tiktok.world.requests]
    assert asked.count("/v2/post/publish/creator_info/query/") == 2
    assert asked[0] == "/v2/post/publish/creator_info/query/"


async def test_an_upload_whose_answer_was_lost_goes_on_behind_what_tiktok_has(tiktok, files):
    draft = Draft("Broken", files.film(3 * CHUNK + 5))
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
    draft = Draft("Is it there?", files.film())
    await tiktok.lost(draft, "lose_answer")
    await tiktok.found(draft)


async def test_a_last_chunk_that_never_arrived_is_sent_under_the_same_publish_id(tiktok, files):
    draft = Draft("Not there", files.film(2 * CHUNK))
    tiktok.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert (await tiktok.find(draft)).state == "resume"
    receipt = await tiktok.publish(draft)
    assert [post.id for post in tiktok.posts] == [receipt.id]
    assert tiktok.seen == [files.seen(draft.media[0])]
    assert [r["path"] for r in tiktok.world.requests].count("/v2/post/publish/video/init/") == 1


async def test_a_chunk_sent_again_after_it_arrived_is_never_called_refused(tiktok, files):
    draft = Draft("Twice", files.film())
    tiktok.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    with pytest.raises(PlatformError) as caught:
        await tiktok.publish(draft)
    assert caught.value.may_have_posted and len(tiktok.posts) == 1


@pytest.mark.parametrize("status", [403, 416])
@pytest.mark.parametrize("size", [100, 2 * CHUNK])
async def test_an_address_that_refuses_the_bytes_begins_anew(tiktok, files, size, status):
    draft = Draft("Expired", files.film(size))
    if size > CHUNK:
        tiktok.arm("wait", "error_before")
        with pytest.raises(Unclear):
            await tiktok.publish(draft)
    tiktok.world.arm_reply("tiktok", "upload" if size > CHUNK else "publish", status, {})
    said = await tiktok.refused(draft)
    assert said.restart and not said.may_have_posted and said.kind == "transient"
    tiktok.start_over()
    await tiktok.publish(draft)
    assert len(tiktok.posts) == 1


async def test_an_upload_address_is_good_for_an_hour(tiktok, files):
    draft = Draft("Late", files.film(2 * CHUNK))
    tiktok.arm("wait", "error_before")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    tiktok.world.objects[tiktok.steps.journal["upload"]["publish_id"]]["until"] = 0
    assert (await tiktok.refused(draft)).platform_code == "upload_refused"


async def test_a_lost_answer_of_photos_cannot_be_looked_up(tiktok, hosted):
    draft = Draft("Lost", hosted.photos(1))
    await tiktok.lost(draft, "lose_answer")
    assert (await tiktok.find(draft)).state == "not_seen"
    assert len(tiktok.posts) == 1


async def test_a_known_publish_id_of_photos_is_found_after_a_restart(tiktok, hosted):
    draft = Draft("Kept", hosted.photos(1))
    receipt = await tiktok.publish(draft)
    tiktok.world.objects.clear()
    assert (await tiktok.find(draft)).receipt.id == receipt.id


async def test_a_post_that_tiktok_still_works_on_is_pending(tiktok, files):
    draft = Draft("Slow", files.film())
    tiktok.arm("wait", "slow", delay=60)
    tiktok.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await tiktok.publish(draft)
    assert (await tiktok.find(draft)).state == "pending"


async def test_without_an_upload_nothing_was_sent(tiktok, files):
    draft = Draft("Never", files.film())
    assert (await tiktok.find(draft, journal={}, started_at=datetime.now(UTC))).state == "not_seen"


async def test_processing_is_waited_for(tiktok, files):
    tiktok.arm("wait", "slow", delay=0.2)
    receipt = await tiktok.publish(Draft("Slow", files.film()))
    assert len([r for r in tiktok.world.requests if r["step"] == "wait"]) > 1
    assert receipt.id == tiktok.posts[0].id


async def test_a_post_that_takes_too_long_counts_as_taken_and_says_so(tiktok, files):
    class Impatient(type(tiktok.steps)):
        async def wait(self, name, ask, *, every, limit):
            assert await ask() is None
            raise PlatformError("still processing", kind="transient", restart=True)

    tiktok.steps = Impatient(tiktok.api)
    tiktok.arm("wait", "slow", delay=60)
    receipt = await tiktok.publish(Draft("Very slow", files.film()))
    assert receipt.id == tiktok.posts[0].extra["publish_id"]
    assert len(receipt.notes) == 1 and "still works" in receipt.notes[0]


async def test_a_rate_limited_look_is_repeated(tiktok, files):
    tiktok.arm("wait", "rate_limit", times=2)
    receipt = await tiktok.publish(Draft("There", files.film()))
    assert receipt.id == tiktok.posts[0].id


async def test_no_token_goes_to_the_upload_address(tiktok, files, client):
    seen = []

    async def note(request):
        seen.append(request)

    client.event_hooks = {"request": [note]}
    await tiktok.publish(Draft("Quiet", files.film(2 * CHUNK)))
    sent = [request for request in seen if request.method == "PUT"]
    assert sent and all("authorization" not in request.headers for request in sent)
