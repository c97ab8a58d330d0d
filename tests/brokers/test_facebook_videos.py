"""Videos on a Facebook Page: in the feed, as reel, as story; processing, broken uploads, lost answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.facebook.errors import ROWS
from brokers.sandbox.facebook_videos import take
from tests.brokers.bench import page_of
from tests.brokers.facebook_bench import MP4, PNG, TEXT, bench, placed

MIB = 1024 * 1024
PLACES = ["feed", "reel", "story"]


@pytest.fixture
async def fb(simulator, client, tmp_path, hosted):
    return bench(simulator, client, tmp_path, hosted)


def film(fb, place, size=300, **more):
    text = "" if place == "story" else "A film 🎬"
    return Draft(text, media=(fb.files.media(MP4, size, **more),), settings=placed(place))


@pytest.mark.parametrize("place", PLACES)
async def test_a_video_arrives_and_its_link_opens(fb, place):
    draft = film(fb, place)
    receipt = await fb.publish(draft)
    (post,) = fb.posts
    assert (post.id, post.text) == (receipt.id, draft.text)
    assert post.extra.get("placement", "feed") == place
    assert fb.seen == [fb.files.seen(draft.media[0])]
    assert (await page_of(receipt.url)).status_code == 200
    assert fb.steps.sent == 1 and receipt.notes == ()


async def test_a_large_video_goes_in_pieces_in_the_feed(fb):
    draft = film(fb, "feed", 9 * MIB + 1)
    await fb.publish(draft)
    assert fb.seen == [fb.files.seen(draft.media[0])]
    assert fb.world.counts["facebook", "upload"] == 1 + 3


async def test_a_large_video_is_streamed_for_a_reel(fb):
    draft = film(fb, "reel", 9 * MIB + 1)
    await fb.publish(draft)
    assert fb.seen == [fb.files.seen(draft.media[0])]
    assert fb.world.counts["facebook", "upload"] == 2


async def test_the_link_goes_into_the_description(fb):
    draft = replace(film(fb, "feed"), link_url="https://example.com/x")
    await fb.publish(draft)
    assert fb.posts[0].text == "A film 🎬\n\nhttps://example.com/x"


@pytest.mark.parametrize("place", PLACES)
async def test_processing_is_waited_for(fb, place):
    fb.arm("wait", "slow", delay=0.3)
    await fb.publish(film(fb, place))
    assert fb.world.counts["facebook", "wait"] > 3


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_no_video_fails_in_processing(fb, place):
    draft = film(fb, place, content=TEXT)
    with pytest.raises(PlatformError) as refused:
        await fb.publish(draft)
    error = refused.value
    assert (error.kind, error.code, error.broker_code) == ("content", "MEDIA_UPLOAD_FAILED", None)
    assert error.restart and error.hint and "Unsupported Video Format" in error.message
    assert fb.posts == []
    sighting = await fb.find(draft)
    assert sighting.state == "refused" and sighting.error.code == "MEDIA_UPLOAD_FAILED"


@pytest.mark.parametrize("code", [1363040, 1363127, 1363128, 1363129, 382, 389, 1346003])
async def test_a_documented_processing_error_tells_what_to_do(fb, code):
    errors = [{"code": code, "message": "as documented"}]
    status = {"video_status": "error", "processing_phase": {"status": "error", "errors": errors}}
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1"})  # the look before the bytes
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1", "status": status})
    with pytest.raises(PlatformError) as refused:
        await fb.publish(film(fb, "reel"))
    assert (refused.value.kind, refused.value.platform_code) == ("content", str(code))
    if ROWS[str(code)].kind == "content":
        assert refused.value.hint == ROWS[str(code)].hint


@pytest.mark.parametrize("status", [{"video_status": "ready"}, {"publishing_phase": {"status": "complete"}}])
async def test_a_status_with_phases_missing_is_understood(fb, status):
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1"})
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1", "status": status})
    receipt = await fb.publish(film(fb, "feed"))
    assert receipt.notes == ()


@pytest.mark.parametrize("place", PLACES)
async def test_looks_that_fail_after_the_post_do_not_fail_it(fb, place):
    draft = film(fb, place)
    fb.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    fb.arm("wait", "error_before", times=3)
    receipt = await fb.publish(draft)
    assert len(fb.posts) == 1 and receipt.notes == ()


async def test_refused_looks_after_the_post_do_not_fail_it(fb):
    for _ in range(2):
        fb.world.arm_reply("facebook", "wait", 400, {"error": {"message": "#2", "code": 4}})
    receipt = await fb.publish(film(fb, "reel"))
    assert receipt.id == fb.posts[0].id


# -- broken uploads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "uploads"), [("feed", 1 + 3), ("reel", 1 + 1)])
async def test_a_piece_whose_answer_was_lost_is_not_sent_again(fb, place, uploads):
    draft = film(fb, place, 9 * MIB + 1)
    fb.arm("wait", "error_before")
    with pytest.raises(Unclear):  # the session stands, no byte was sent
        await fb.publish(draft)
    fb.arm("upload", "error_after")
    with pytest.raises(Unclear):  # the first piece arrived, its answer did not
        await fb.publish(draft)
    await fb.publish(draft)
    assert fb.seen == [fb.files.seen(draft.media[0])]
    assert fb.world.counts["facebook", "upload"] == uploads


@pytest.mark.parametrize("place", ["reel", "story"])
async def test_a_stream_that_broke_off_goes_on_where_it_stands(fb, place):
    draft = film(fb, place, 5 * MIB)
    fb.arm("wait", "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    video = fb.world.objects[fb.steps.journal["session"]["video_id"]]
    video["size"] = 5 * MIB
    take(video, draft.media[0].source.path.read_bytes()[: 2 * MIB + 3])
    await fb.publish(draft)
    assert fb.seen == [fb.files.seen(draft.media[0])]


async def test_a_wrong_offset_begins_a_new_upload(fb):
    draft = film(fb, "feed", 5 * MIB)
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1", "status": {"uploading_phase": {"bytes_transferred": 7}}})
    with pytest.raises(PlatformError) as refused:
        await fb.publish(draft)
    assert (refused.value.kind, refused.value.restart) == ("transient", True)
    fb.start_over()
    await fb.publish(draft)
    assert fb.seen == [fb.files.seen(draft.media[0])]


async def test_an_upload_that_does_not_advance_ends(fb):
    session = {"upload_session_id": "1", "video_id": "2", "start_offset": "0", "end_offset": "9"}
    fb.world.arm_reply("facebook", "upload", 200, session)
    fb.world.arm_reply("facebook", "wait", 400, {"error": {"code": 100, "message": "unknown"}})
    fb.world.arm_reply("facebook", "upload", 200, {"start_offset": "0", "end_offset": "9"})
    with pytest.raises(Unclear):
        await fb.publish(film(fb, "feed"))


async def test_no_token_goes_to_a_foreign_upload_host(fb):
    fb.world.arm_reply("facebook", "upload", 200, {"video_id": "1", "upload_url": "https://evil.example/video-upload"})
    fb.world.arm_reply("facebook", "wait", 200, {"id": "1"})
    with pytest.raises(PlatformError) as refused:
        await fb.publish(film(fb, "reel"))
    assert (refused.value.kind, refused.value.broker_code) == ("config", "INVALID_CONFIG")


# -- thumbnails --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["feed", "reel"])
async def test_the_thumbnail_that_was_asked_for_is_set(fb, place):
    cover = fb.files.media(PNG)
    receipt = await fb.publish(film(fb, place, thumbnail=cover.source))
    assert fb.world.objects[receipt.id]["thumbnail"] == fb.files.seen(cover)["sha256"]
    assert receipt.notes == ()


async def test_a_thumbnail_that_is_not_taken_becomes_a_note(fb):
    fb.arm("thumbnail", "refuse")
    receipt = await fb.publish(film(fb, "reel", thumbnail=fb.files.media(PNG).source))
    assert len(fb.posts) == 1 and "thumbnail" in receipt.notes[0]


# -- after an unclear answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
async def test_a_video_whose_answer_was_lost_is_found(fb, place, fault):
    draft = film(fb, place)
    await fb.lost(draft, fault)
    await fb.found(draft)
    assert len(fb.posts) == 1


@pytest.mark.parametrize("place", PLACES)
async def test_a_video_in_processing_is_pending_then_published(fb, place):
    draft = film(fb, place)
    fb.hurry()
    fb.arm("wait", "slow", delay=1)
    fb.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    assert (await fb.find(draft)).state == "pending"
    fb.world.objects[fb.steps.journal["session"]["video_id"]]["ready_at"] = 0
    assert (await fb.find(draft)).state == "published"


@pytest.mark.parametrize("place", PLACES)
async def test_a_finish_that_never_arrived_is_not_seen(fb, place):
    draft = film(fb, place)
    fb.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    assert (await fb.find(draft)).state == "not_seen" and fb.posts == []
    assert (await fb.find(draft, journal={})).state == "not_seen"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_refused_finish_counts_only_after_a_look_at_the_video(fb, place, arrived):
    draft = film(fb, place)
    refused = {"error": {"message": "An unexpected error", "code": 2, "is_transient": True}}
    fb.arm("publish", "error_after" if arrived else "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    fb.world.arm_reply("facebook", "publish", 400, refused)
    with pytest.raises(PlatformError) as said:
        await fb.publish(draft)
    assert (said.value.kind, said.value.may_have_posted) == ("transient", arrived)
