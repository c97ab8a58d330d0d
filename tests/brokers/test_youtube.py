"""YouTube against the simulator: what was asked arrives, an upload goes on where it broke, no video comes twice."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.base import Draft, LocalFile, Media
from brokers.errors import Unclear
from brokers.youtube import BROKER
from brokers.youtube.accepts import Settings
from brokers.youtube.upload import CHUNK
from tests.brokers.bench import Bench, page_of

MIB = 1024 * 1024


@pytest.fixture
async def youtube(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


def settings(**wire):
    return Settings.model_validate(wire)


def chunks_sent(youtube):
    return [r["step"] for r in youtube.world.requests if r["method"] == "PUT" and r["step"] != "read"]


async def test_a_video_with_every_setting_arrives_and_its_link_opens(youtube, files):
    asked = settings(
        title="A fine film", description="What is seen", tags=["garden", "two words"], categoryId="28",
        privacyStatus="unlisted", notifySubscribers=False, selfDeclaredMadeForKids=False, containsSyntheticMedia=True,
    )  # fmt: skip
    media = files.film()
    receipt = await youtube.publish(Draft("ignored", media, settings=asked))
    (post,) = youtube.posts
    assert (post.id, post.text, youtube.seen) == (receipt.id, "A fine film", [files.seen(media[0])])
    assert post.extra["snippet"] == {
        "title": "A fine film", "description": "What is seen", "tags": ["garden", "two words"], "categoryId": "28",
    }  # fmt: skip
    assert post.extra["status"] == {
        "privacyStatus": "unlisted", "selfDeclaredMadeForKids": False, "containsSyntheticMedia": True,
    }  # fmt: skip
    assert post.extra["notifySubscribers"] is False
    assert receipt.url == f"{youtube.simulator.root}/www.youtube.com/watch?v={post.id}"
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "A fine film" in page.text
    assert (youtube.steps.sent, receipt.notes) == (1, ())


async def test_without_settings_the_text_is_the_title_and_the_video_is_private(youtube, files):
    await youtube.publish(Draft("Just a title", files.film(), link_url="https://example.com/a"))
    (post,) = youtube.posts
    assert post.extra["snippet"] == {
        "title": "Just a title", "description": "https://example.com/a", "categoryId": "22",
    }  # fmt: skip
    assert post.extra["status"] == {"privacyStatus": "private"}
    assert post.extra["notifySubscribers"] is True


async def test_publish_at_is_left_to_youtube_in_utc(youtube, files):
    at = datetime.now(UTC) + timedelta(days=2)
    asked = settings(publishAt=at.astimezone().isoformat())
    await youtube.publish(Draft("Later", files.film(), settings=asked))
    status = youtube.posts[0].extra["status"]
    assert status["publishAt"].endswith("Z")
    assert abs(datetime.fromisoformat(status["publishAt"]) - at) < timedelta(milliseconds=1)
    assert status["privacyStatus"] == "private"


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 77])
async def test_only_the_last_chunk_is_the_irreversible_request(youtube, files, size):
    media = files.film(size)
    await youtube.publish(Draft("Long", media))
    assert youtube.seen == [files.seen(media[0])]
    assert chunks_sent(youtube) == ["upload"] * ((size - 1) // CHUNK) + ["publish"]
    assert youtube.steps.sent == 1


async def test_memory_stays_flat_however_long_the_video_is(youtube, files):
    made = files.media("video/mp4", 30 * MIB)
    path = made.source.path

    class Source:
        async def file(self):
            return LocalFile(path, 30 * MIB, "video/mp4", "")

        async def url(self):
            raise AssertionError("YouTube takes bytes")

    tracemalloc.start()
    await youtube.publish(Draft("Very long", (Media("video", "https://media.invalid/1", source=Source()),)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert youtube.posts[0].media[0]["size"] == 30 * MIB
    assert peak < 8 * MIB


async def test_the_thumbnail_arrives(youtube, files):
    picture = files.media("image/png", 900)
    receipt = await youtube.publish(Draft("With a picture", files.film(thumbnail=picture.source)))
    seen = youtube.world.objects[f"video:{receipt.id}"]["thumbnail"]
    assert seen["sha256"] == files.seen(picture)["sha256"] and seen["mimeType"] == "image/png"
    assert receipt.notes == ()


async def test_a_thumbnail_that_youtube_does_not_take_leaves_the_post_published(youtube, files):
    picture = files.media("image/gif", 900)
    receipt = await youtube.publish(Draft("With a picture", files.film(thumbnail=picture.source)))
    assert receipt.id == youtube.posts[0].id
    assert len(receipt.notes) == 1 and "thumbnail" in receipt.notes[0]


@pytest.mark.parametrize(
    "wire", [{"privacyStatus": "public"}, {"privacyStatus": "unlisted"}, {"publishAt": "2099-01-01T00:00:00Z"}]
)
async def test_forced_private_uploads_are_private_and_say_so(youtube, files, wire):
    youtube.account = replace(youtube.account, metadata={"forcePrivateUploads": True})
    receipt = await youtube.publish(Draft("Wants to be seen", files.film(), settings=settings(**wire)))
    assert youtube.posts[0].extra["status"] == {"privacyStatus": "private"}
    assert len(receipt.notes) == 1 and "YOUTUBE_FORCE_PRIVATE_UPLOADS" in receipt.notes[0]


async def test_a_private_video_has_nothing_to_say_about_the_switch(youtube, files):
    youtube.account = replace(youtube.account, metadata={"forcePrivateUploads": True})
    assert (await youtube.publish(Draft("Hidden", files.film()))).notes == ()


async def test_a_visibility_that_youtube_narrowed_is_said(youtube, files):
    youtube.world.identity("youtube").extra["unaudited"] = True
    receipt = await youtube.publish(Draft("Wants to be seen", files.film(), settings=settings(privacyStatus="public")))
    assert len(receipt.notes) == 1 and "private instead of public" in receipt.notes[0]


async def test_an_upload_whose_answer_was_lost_goes_on_behind_what_youtube_has(youtube, files):
    draft = Draft("Broken", files.film(3 * CHUNK))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    youtube.arm("upload", "error_after")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    assert youtube.steps.sent == 0
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]
    assert chunks_sent(youtube) == ["upload", "upload", "publish"]


async def test_an_upload_cut_within_a_chunk_goes_on_with_the_byte_that_is_missing(youtube, files, client):
    draft = Draft("Cut", files.film(2 * CHUNK))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    session = youtube.steps.journal["session"]
    data = draft.media[0].source.path.read_bytes()

    async def cut():
        yield data[: 3 * MIB + 5]
        raise ConnectionError("the cable was pulled")

    headers = {"content-length": str(CHUNK), "content-range": f"bytes 0-{CHUNK - 1}/{len(data)}"}
    with pytest.raises(ConnectionError):
        await client.put(session["uri"], content=cut(), headers=headers)
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_youtube_is_believed_when_it_kept_less_than_was_sent(youtube, files, client):
    draft = Draft("Partly", files.film(3 * CHUNK))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    data, kept = draft.media[0].source.path.read_bytes(), 256 * 1024
    headers = {"content-range": f"bytes 0-{kept - 1}/{len(data)}"}
    await client.put(youtube.steps.journal["session"]["uri"], content=data[:kept], headers=headers)
    youtube.world.arm_reply("youtube", "read", 308, {})
    youtube.world.arm_reply("youtube", "upload", 308, {}, {"range": f"bytes=0-{kept - 1}"})
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_a_session_that_takes_nothing_is_not_asked_for_ever(youtube, files):
    draft = Draft("Stuck", files.film(CHUNK + 1))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    youtube.world.arm_reply("youtube", "upload", 308, {})
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_bytes_that_youtube_lost_are_sent_again_with_the_last_chunk(youtube, files):
    draft = Draft("Forgotten", files.film(2 * CHUNK))
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    (session,) = [each for each in youtube.world.objects.values() if each["platform"] == "youtube"]
    session |= {"stored": 0, "hash": hashlib.sha256(), "head": b""}
    assert (await youtube.find(draft)).state == "resume"
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_processing_is_waited_for(youtube, files):
    youtube.arm("wait", "slow", delay=0.2)
    await youtube.publish(Draft("Slow", files.film()))
    asked = [r for r in youtube.world.requests if r["step"] == "wait"]
    assert len(asked) > 1 and youtube.steps.journal["kept"]["status"] == "processed"


@pytest.mark.parametrize("fault", ["refuse", "rate_limit", "expired_token"])
async def test_a_refused_look_never_fails_a_video_that_is_there(youtube, files, fault):
    youtube.arm("wait", fault, times=-1)
    receipt = await youtube.publish(Draft("There", files.film()))
    assert receipt.id == youtube.posts[0].id


async def test_nothing_secret_stands_in_what_is_shown(youtube, files):
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear) as caught:
        await youtube.publish(Draft("Quiet", files.film()))
    uri = youtube.steps.journal["session"]["uri"]
    assert youtube.account.access_token not in str(caught.value) and uri not in str(caught.value)
