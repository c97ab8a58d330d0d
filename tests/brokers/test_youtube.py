"""YouTube against the simulator: what was asked arrives, an upload goes on where it broke, no video comes twice."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.base import Draft, LocalFile, Media
from brokers.errors import NotSent, PlatformError, Unclear
from brokers.sandbox.youtube import errors
from brokers.sandbox.youtube_answers import OAUTH
from brokers.youtube import BROKER
from brokers.youtube.accepts import Settings
from brokers.youtube.errors import REFUSALS, VERDICTS
from brokers.youtube.upload import CHUNK
from tests.brokers.pushed import Bench, Files, page_of

MIB = 1024 * 1024


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
async def youtube(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


def settings(**wire):
    return Settings.model_validate(wire)


def film(files, size=300, **more):
    return (files.media("video/mp4", size, **more),)


def chunks_sent(youtube):
    return [r["step"] for r in youtube.world.requests if r["method"] == "PUT" and r["step"] != "read"]


async def test_a_video_with_every_setting_arrives_and_its_link_opens(youtube, files):
    asked = settings(
        title="A fine film", description="What is seen", tags=["garden", "two words"], categoryId="28",
        privacyStatus="unlisted", notifySubscribers=False, selfDeclaredMadeForKids=False, containsSyntheticMedia=True,
    )  # fmt: skip
    media = film(files)
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
    await youtube.publish(Draft("Just a title", film(files), link_url="https://example.com/a"))
    (post,) = youtube.posts
    assert post.extra["snippet"] == {
        "title": "Just a title", "description": "https://example.com/a", "categoryId": "22",
    }  # fmt: skip
    assert post.extra["status"] == {"privacyStatus": "private"}
    assert post.extra["notifySubscribers"] is True


async def test_publish_at_is_left_to_youtube_in_utc(youtube, files):
    at = datetime.now(UTC) + timedelta(days=2)
    asked = settings(publishAt=at.astimezone().isoformat())
    await youtube.publish(Draft("Later", film(files), settings=asked))
    status = youtube.posts[0].extra["status"]
    assert status["publishAt"].endswith("Z")
    assert abs(datetime.fromisoformat(status["publishAt"]) - at) < timedelta(milliseconds=1)
    assert status["privacyStatus"] == "private"


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 77])
async def test_only_the_last_chunk_is_the_irreversible_request(youtube, files, size):
    media = film(files, size)
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
    receipt = await youtube.publish(Draft("With a picture", film(files, thumbnail=picture.source)))
    seen = youtube.world.objects[f"video:{receipt.id}"]["thumbnail"]
    assert seen["sha256"] == files.seen(picture)["sha256"] and seen["mimeType"] == "image/png"
    assert receipt.notes == ()


async def test_a_thumbnail_that_youtube_does_not_take_leaves_the_post_published(youtube, files):
    picture = files.media("image/gif", 900)
    receipt = await youtube.publish(Draft("With a picture", film(files, thumbnail=picture.source)))
    assert receipt.id == youtube.posts[0].id
    assert len(receipt.notes) == 1 and "thumbnail" in receipt.notes[0]


@pytest.mark.parametrize(
    "wire", [{"privacyStatus": "public"}, {"privacyStatus": "unlisted"}, {"publishAt": "2099-01-01T00:00:00Z"}]
)
async def test_forced_private_uploads_are_private_and_say_so(youtube, files, wire):
    youtube.account = replace(youtube.account, metadata={"forcePrivateUploads": True})
    receipt = await youtube.publish(Draft("Wants to be seen", film(files), settings=settings(**wire)))
    assert youtube.posts[0].extra["status"] == {"privacyStatus": "private"}
    assert len(receipt.notes) == 1 and "YOUTUBE_FORCE_PRIVATE_UPLOADS" in receipt.notes[0]


async def test_a_private_video_has_nothing_to_say_about_the_switch(youtube, files):
    youtube.account = replace(youtube.account, metadata={"forcePrivateUploads": True})
    assert (await youtube.publish(Draft("Hidden", film(files)))).notes == ()


async def test_a_visibility_that_youtube_narrowed_is_said(youtube, files):
    youtube.world.identity("youtube").extra["unaudited"] = True
    receipt = await youtube.publish(Draft("Wants to be seen", film(files), settings=settings(privacyStatus="public")))
    assert len(receipt.notes) == 1 and "private instead of public" in receipt.notes[0]


async def test_an_upload_whose_answer_was_lost_goes_on_behind_what_youtube_has(youtube, files):
    draft = Draft("Broken", film(files, 3 * CHUNK))
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
    draft = Draft("Cut", film(files, 2 * CHUNK))
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
    draft = Draft("Partly", film(files, 3 * CHUNK))
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
    draft = Draft("Stuck", film(files, CHUNK + 1))
    youtube.arm("read", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    youtube.world.arm_reply("youtube", "upload", 308, {})
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_bytes_that_youtube_lost_are_sent_again_with_the_last_chunk(youtube, files):
    draft = Draft("Forgotten", film(files, 2 * CHUNK))
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    (session,) = [each for each in youtube.world.objects.values() if each["platform"] == "youtube"]
    session |= {"stored": 0, "hash": hashlib.sha256(), "head": b""}
    assert (await youtube.find(draft)).state == "resume"
    await youtube.publish(draft)
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_a_lost_answer_is_found_by_the_session(youtube, files):
    draft = Draft("Is it there?", film(files))
    youtube.hurry()
    youtube.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    sighting = await youtube.find(draft)
    assert sighting.state == "published" and sighting.receipt.id == youtube.posts[0].id
    assert (await page_of(sighting.receipt.url)).status_code == 200
    await youtube.publish(draft)
    assert len(youtube.posts) == 1


async def lost(youtube, draft):
    """Publishes, and the answer to the last bytes never comes."""
    youtube.arm("publish", "error_after")
    with pytest.raises(Unclear):
        await youtube.publish(draft)


async def test_a_found_video_gets_the_thumbnail_that_its_attempt_did_not_come_to(youtube, files):
    picture = files.media("image/png", 900)
    draft = Draft("Found", film(files, thumbnail=picture.source))
    await lost(youtube, draft)
    for _ in range(2):
        receipt = (await youtube.find(draft)).receipt
        assert youtube.world.objects[f"video:{receipt.id}"]["thumbnail"]["sha256"] == files.seen(picture)["sha256"]
    assert receipt.notes == () and len(youtube.posts) == 1


async def test_a_found_video_says_what_was_not_done(youtube, files):
    youtube.world.identity("youtube").extra["unaudited"] = True
    picture = files.media("image/gif", 900)
    draft = Draft("Found", film(files, thumbnail=picture.source), settings=settings(privacyStatus="public"))
    await lost(youtube, draft)
    narrowed, thumbnail = (await youtube.find(draft)).receipt.notes
    assert "private instead of public" in narrowed and "thumbnail was not set" in thumbnail


async def test_a_found_video_that_youtube_rejected_is_refused(youtube, files):
    youtube.world.identity("youtube").extra["verdict"] = "rejected/copyright"
    draft = Draft("Found", film(files))
    await lost(youtube, draft)
    sighting = await youtube.find(draft)
    assert (sighting.state, sighting.error.platform_code) == ("refused", "rejected/copyright")


async def test_a_found_video_is_there_though_its_verdict_cannot_be_asked(youtube, files):
    draft = Draft("Found", film(files))
    await lost(youtube, draft)
    youtube.arm("wait", "refuse")
    assert (await youtube.find(draft)).receipt.id == youtube.posts[0].id


async def test_a_last_chunk_that_never_arrived_is_sent_into_the_same_session(youtube, files):
    draft = Draft("Not there", film(files, CHUNK + 1))
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await youtube.publish(draft)
    assert (await youtube.find(draft)).state == "resume"
    receipt = await youtube.publish(draft)
    assert [post.id for post in youtube.posts] == [receipt.id]
    assert youtube.seen == [files.seen(draft.media[0])]


async def test_a_finished_session_is_found_after_the_simulator_restarted(youtube, files):
    draft = Draft("Kept", film(files))
    receipt = await youtube.publish(draft)
    youtube.world.objects.clear()
    assert (await youtube.find(draft)).receipt.id == receipt.id


async def test_without_a_session_nothing_was_sent(youtube, files):
    assert (await youtube.find(Draft("Never", film(files)), journal={})).state == "not_seen"


async def test_a_session_that_is_gone_proves_nothing(youtube, files):
    draft = Draft("Gone", film(files))
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
    draft = Draft("Gone", film(files, size))
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
        await youtube.publish(Draft("Stolen", film(files)))
    assert caught.value.kind == "config"


async def test_an_unreachable_youtube_was_surely_sent_nothing(youtube, files):
    youtube.api = replace(youtube.api, root="http://127.0.0.1:9")
    with pytest.raises(NotSent):
        await youtube.publish(Draft("Nowhere", film(files)))


async def test_processing_is_waited_for(youtube, files):
    youtube.arm("wait", "slow", delay=0.2)
    await youtube.publish(Draft("Slow", film(files)))
    asked = [r for r in youtube.world.requests if r["step"] == "wait"]
    assert len(asked) > 1 and youtube.steps.journal["kept"]["status"] == "processed"


@pytest.mark.parametrize("fault", ["refuse", "rate_limit", "expired_token"])
async def test_a_refused_look_never_fails_a_video_that_is_there(youtube, files, fault):
    youtube.arm("wait", fault, times=-1)
    receipt = await youtube.publish(Draft("There", film(files)))
    assert receipt.id == youtube.posts[0].id


async def test_a_file_that_is_no_video_fails(youtube, files):
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Text", film(files, content="text/plain")))
    said = caught.value
    assert (said.kind, said.code, said.broker_code) == ("content", "MEDIA_UPLOAD_FAILED", None)
    assert said.platform_code == "failed/invalidFile" and "MP4" in said.hint
    assert youtube.posts == []


@pytest.mark.parametrize("verdict", [verdict for verdict in VERDICTS if "/" in verdict])
async def test_what_became_of_a_video_is_told(youtube, files, verdict):
    youtube.world.identity("youtube").extra["verdict"] = verdict
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Judged", film(files)))
    row, said = VERDICTS[verdict], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert said.platform_code == verdict


@pytest.mark.parametrize("reason", [reason for reason in errors() if reason not in OAUTH])
async def test_every_documented_refusal_is_understood(youtube, files, reason):
    status, headers, body = errors()[reason]
    youtube.world.arm_reply("youtube", "upload", status, body, headers)
    with pytest.raises(Unclear if status >= 500 else PlatformError) as caught:
        await youtube.publish(Draft("Refused", film(files)))
    if status >= 500:
        assert reason in str(caught.value)
        return
    row, said = REFUSALS[reason], caught.value
    assert (said.kind, said.code, said.broker_code, said.hint) == (row.kind, row.code, row.broker_code, row.hint)
    assert (said.platform_code, said.status, said.retry_after) == (reason, status, row.retry_after)
    assert said.hint and youtube.posts == []


async def test_youtube_itself_says_how_long_to_wait(youtube, files):
    status, _, body = errors()["quotaExceeded"]
    youtube.world.arm_reply("youtube", "upload", status, body, {"retry-after": "7"})
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Too much", film(files)))
    assert (caught.value.kind, caught.value.retry_after) == ("quota", 7)


@pytest.mark.parametrize("status", [401, 403, 418])
async def test_a_refusal_without_a_known_reason_is_still_one(youtube, files, status):
    youtube.world.arm_reply("youtube", "upload", status, {"error": {"code": status, "message": "new"}})
    with pytest.raises(PlatformError) as caught:
        await youtube.publish(Draft("Refused", film(files)))
    assert caught.value.kind == {401: "auth", 403: "identity", 418: "unknown"}[status]


async def test_nothing_secret_stands_in_what_is_shown(youtube, files):
    youtube.arm("publish", "error_before")
    with pytest.raises(Unclear) as caught:
        await youtube.publish(Draft("Quiet", film(files)))
    uri = youtube.steps.journal["session"]["uri"]
    assert youtube.account.access_token not in str(caught.value) and uri not in str(caught.value)
