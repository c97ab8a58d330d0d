"""Threads against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from brokers.base import Draft, Media
from brokers.threads import BROKER
from brokers.threads.accepts import Settings
from tests.brokers.bench import Bench, MemorySteps, page_of
from tests.brokers.media_server import JPEG, MP4, PNG, MediaServer


@pytest.fixture
def threads(simulator, client):
    return Bench(BROKER, simulator, client)


def settings(**wire):
    return Settings.model_validate(wire)


async def test_text_with_link_and_settings_arrives_and_its_link_opens(threads):
    draft = Draft(
        "Hello Threads 🎉",
        link_url="https://example.com/a?b=c",
        settings=settings(replyControl="mentioned_only", topicTag="Gardening"),
    )
    receipt = await threads.publish(draft)
    (post,) = threads.posts
    assert (post.id, post.text, post.media) == (receipt.id, "Hello Threads 🎉", [])
    assert post.extra == {
        "media_type": "TEXT", "link_attachment": "https://example.com/a?b=c",
        "reply_control": "mentioned_only", "topic_tag": "Gardening",
    }  # fmt: skip
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "Hello Threads" in page.text
    assert threads.steps.sent == 1


@pytest.mark.parametrize(("kind", "media_type", "bytes_"), [("image", "IMAGE", JPEG), ("video", "VIDEO", MP4)])
async def test_one_item_arrives_with_its_bytes_and_alt_text(threads, hosted, kind, media_type, bytes_):
    draft = Draft("Look", media=(hosted.media(kind, bytes_, alt_text="What it shows"),))
    receipt = await threads.publish(draft)
    (post,) = threads.posts
    assert (post.text, post.extra) == ("Look", {"media_type": media_type})
    assert post.media == [hosted.seen(bytes_, alt_text="What it shows")]
    assert (await page_of(receipt.url)).status_code == 200


async def test_a_link_beside_media_arrives_in_the_text(threads, hosted):
    draft = Draft("Look", media=(hosted.media("image", PNG),), link_url="https://example.com")
    await threads.publish(draft)
    assert threads.posts[0].text == BROKER.accepts.compose(draft)
    assert "https://example.com" in threads.posts[0].text


@pytest.mark.parametrize("count", [2, 20])
async def test_a_carousel_keeps_its_order_and_each_alt_text(threads, hosted, count):
    files = [(("video", MP4) if n % 3 == 2 else ("image", JPEG)) for n in range(count)]
    media = tuple(hosted.media(kind, data + bytes([n]), alt_text=f"Item {n}") for n, (kind, data) in enumerate(files))
    await threads.publish(Draft("Many", media=media, settings=settings(topicTag="Birds")))
    (post,) = threads.posts
    assert (post.text, post.extra) == ("Many", {"media_type": "CAROUSEL", "topic_tag": "Birds"})
    assert post.media == [hosted.seen(data + bytes([n]), alt_text=f"Item {n}") for n, (_, data) in enumerate(files)]


async def test_media_that_take_time_are_waited_for(threads, hosted):
    threads.arm("wait", "slow", delay=0.3)
    await threads.publish(Draft("Slow", media=(hosted.media("video", MP4),)))
    assert threads.world.counts["threads", "wait"] > 2
    assert len(threads.posts) == 1


async def test_media_that_cannot_be_fetched_are_worth_another_try_from_the_start(threads):
    media = Media("video", "x", source=MediaServer.nowhere())
    error = await threads.refused(Draft("Gone", media=(media,)))
    assert (error.kind, error.code, error.restart) == ("transient", "MEDIA_UPLOAD_FAILED", True)
    assert error.platform_code == "FAILED_DOWNLOADING_VIDEO"
    assert threads.posts == [] and threads.steps.sent == 0


async def test_media_that_threads_cannot_read_fail_for_good(threads, hosted):
    error = await threads.refused(Draft("Bad", media=(hosted.media("video", b"not a video"),)))
    assert (error.kind, error.code, error.broker_code) == ("content", "MEDIA_UPLOAD_FAILED", None)
    assert "H.264" in error.hint


async def test_an_expired_container_is_built_anew(threads, hosted):
    threads.arm("wait", "slow", delay=0.2)
    await threads.steps.upload("container", lambda: _text_container(threads))
    threads.world.objects[threads.steps.journal["container"]]["created_at"] -= 2 * 86400
    error = await threads.refused(Draft("Late"))
    assert (error.kind, error.restart) == ("transient", True)
    threads.steps.journal.clear()
    await threads.publish(Draft("Late"))
    assert [post.text for post in threads.posts] == ["Late"]


async def _text_container(threads):
    reply = await threads.api.request(
        "POST", "https://graph.threads.net/v1.0/me/threads", form={"media_type": "TEXT", "text": "Late"},
        token=threads.account.access_token,
    )  # fmt: skip
    return reply.body["id"]


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
async def test_a_lost_answer_after_the_effect_is_found_published(threads, hosted, fault):
    draft = Draft("Once", media=(hosted.media("image", JPEG),))
    await MemorySteps(threads.api).publish("other", lambda _: _another(threads, "Once"))
    await threads.lost(draft, fault)
    taken = frozenset({threads.posts[0].id})
    sighting = await threads.find(draft, taken=taken)
    assert (sighting.state, sighting.receipt.id) == ("published", threads.posts[1].id)
    assert "image/jpeg" in (await page_of(sighting.receipt.url)).text
    assert threads.steps.sent == 1 and len(threads.posts) == 2


async def test_a_used_container_is_a_reason_to_look_and_none_to_build_anew(threads):
    await threads.lost(Draft("Once"), "error_after")
    error = await threads.refused(Draft("Once"))
    assert error.platform_code == "24/4279009" and error.may_have_posted
    assert (await threads.find(Draft("Once"))).receipt.id == threads.posts[0].id
    assert len(threads.posts) == 1


async def _another(threads, text):
    return await threads.world.publish("threads", threads.account.platform_account_id, text)


@pytest.mark.parametrize("fault", ["hang", "error_before"])
async def test_a_lost_answer_without_effect_is_not_seen(threads, fault):
    await threads.lost(Draft("Never"), fault)
    assert (await threads.find(Draft("Never"))).state == "not_seen"
    assert threads.posts == []


async def test_find_without_a_container_sees_nothing_and_asks_nobody(threads):
    assert (await threads.find(Draft("x"), journal={})).state == "not_seen"
    assert threads.world.requests == []


async def test_find_while_the_container_is_in_progress_is_pending(threads):
    threads.arm("wait", "slow", delay=60)
    threads.steps.journal["container"] = await _text_container(threads)
    assert (await threads.find(Draft("Late"))).state == "pending"


async def test_find_of_an_expired_container_is_refused(threads):
    threads.steps.journal["container"] = container = await _text_container(threads)
    threads.world.objects[container]["created_at"] -= 2 * 86400
    sighting = await threads.find(Draft("Late"))
    assert sighting.state == "refused" and sighting.error.restart


async def test_a_listing_that_lags_is_pending_and_then_the_container_is_proof_enough(threads):
    threads.arm("read", "late_listing", delay=3600)
    await threads.lost(Draft("Lag"), "error_after")
    assert (await threads.find(Draft("Lag"))).state == "pending"
    sighting = await threads.find(Draft("Lag"), started_at=threads.began - timedelta(minutes=1))
    assert sighting.state == "published"
    assert sighting.receipt.id == threads.steps.journal["container"]
    assert (await page_of(sighting.receipt.url)).status_code == 200


async def test_a_permalink_that_cannot_be_read_leaves_a_success_with_the_profile(threads):
    threads.arm_after_publishing("read", "refuse")
    receipt = await threads.publish(Draft("Fine"))
    assert receipt.id == threads.posts[0].id
    assert receipt.url.endswith(f"/www.threads.com/@{threads.account.username}")


async def test_a_second_run_after_a_crash_repeats_nothing(threads, hosted):
    draft = Draft("Again", media=(hosted.media("image", JPEG), hosted.media("image", PNG)))
    first = await threads.publish(draft)
    assert await threads.publish(draft) == first
    assert threads.world.counts["threads", "upload"] == 3 and threads.steps.sent == 1
