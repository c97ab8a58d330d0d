"""YouTube after the answer to the last chunk was lost: what the session tells, and that no video comes twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.youtube import BROKER
from brokers.youtube.accepts import Settings
from brokers.youtube.upload import CHUNK
from tests.brokers.bench import Bench


@pytest.fixture
async def youtube(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


async def test_a_lost_answer_is_found_by_the_session(youtube, files):
    draft = Draft("Is it there?", files.film())
    await youtube.lost(draft, "lose_answer")
    await youtube.found(draft)
    await youtube.publish(draft)
    assert len(youtube.posts) == 1


async def test_a_found_video_gets_the_thumbnail_that_its_attempt_did_not_come_to(youtube, files):
    picture = files.media("image/png", 900)
    draft = Draft("Found", files.film(thumbnail=picture.source))
    await youtube.lost(draft, "error_after")
    for _ in range(2):
        receipt = (await youtube.find(draft)).receipt
        assert youtube.world.objects[f"video:{receipt.id}"]["thumbnail"]["sha256"] == files.seen(picture)["sha256"]
    assert receipt.notes == () and len(youtube.posts) == 1


async def test_a_found_video_says_what_was_not_done(youtube, files):
    youtube.world.identity("youtube").extra["unaudited"] = True
    picture = files.media("image/gif", 900)
    draft = Draft("Found", files.film(thumbnail=picture.source), settings=Settings.model_validate({"privacyStatus": "public"}))
    await youtube.lost(draft, "error_after")
    narrowed, thumbnail = (await youtube.find(draft)).receipt.notes
    assert "private instead of public" in narrowed and "thumbnail was not set" in thumbnail


async def test_a_found_video_that_youtube_rejected_is_refused(youtube, files):
    youtube.world.identity("youtube").extra["verdict"] = "rejected/copyright"
    draft = Draft("Found", files.film())
    await youtube.lost(draft, "error_after")
    sighting = await youtube.find(draft)
    assert (sighting.state, sighting.error.platform_code) == ("refused", "rejected/copyright")


async def test_a_found_video_is_there_though_its_verdict_cannot_be_asked(youtube, files):
    draft = Draft("Found", files.film())
    await youtube.lost(draft, "error_after")
    youtube.arm("wait", "refuse")
    assert (await youtube.find(draft)).receipt.id == youtube.posts[0].id


async def test_a_last_chunk_that_never_arrived_is_sent_into_the_same_session(youtube, files):
    draft = Draft("Not there", files.film(CHUNK + 1))
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    assert (await youtube.find(draft)).state == "resume"
    receipt = await youtube.publish(draft)
    assert [post.id for post in youtube.posts] == [receipt.id]
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_a_finished_session_is_found_after_the_simulator_restarted(youtube, files):
    draft = Draft("Kept", files.film())
    receipt = await youtube.publish(draft)
    youtube.world.objects.clear()
    assert (await youtube.find(draft)).receipt.id == receipt.id


async def test_without_a_session_nothing_was_sent(youtube, files):
    assert (await youtube.find(Draft("Never", files.film()), journal={})).state == "not_seen"


async def test_a_session_that_is_gone_proves_nothing(youtube, files):
    draft = Draft("Gone", files.film())
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    youtube.world.objects.clear()
    assert (await youtube.find(draft)).state == "not_seen"
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(draft)
    assert caught.value.platform_code == "sessionGone" and caught.value.may_have_posted


@pytest.mark.parametrize("size", [100, CHUNK + 1])
async def test_a_session_that_refuses_the_bytes_begins_anew(youtube, files, size):
    draft = Draft("Gone", files.film(size))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    youtube.world.arm_reply("youtube", "upload" if size > CHUNK else "publish", 404, {})
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(draft)
    assert caught.value.restart and not caught.value.may_have_posted and caught.value.kind == "transient"
    youtube.start_over()
    await youtube.publish(draft)
    assert len(youtube.posts) == 1


async def test_no_token_goes_to_a_session_on_a_strange_host(youtube, files):
    location = {"location": "https://www.googleapis.com.evil.example/upload?upload_id=1"}
    youtube.world.arm_reply("youtube", "upload", 200, {}, location)
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Stolen", files.film()))
    assert caught.value.kind == "config"


async def test_an_unreachable_youtube_was_surely_sent_nothing(youtube, files):
    youtube.api = replace(youtube.api, root="http://127.0.0.1:9")
    with pytest.raises(NotSent):
        await youtube.publish(Draft("Nowhere", files.film()))
