"""Instagram against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from brokers.base import Draft, Media
from brokers.instagram import BROKER
from brokers.instagram.accepts import Settings
from tests.brokers.bench import Bench, FileSource, MemorySteps, page_of
from tests.brokers.media_server import JPEG, MP4, PNG, MediaServer


@pytest.fixture
def instagram(simulator, client):
    return Bench(BROKER, simulator, client)


def placed(**wire):
    return Settings.model_validate(wire)


async def test_an_image_arrives_with_caption_and_alt_text_and_its_link_opens(instagram, hosted):
    receipt = await instagram.publish(Draft("A caption #one", media=(hosted.media("image", JPEG, alt_text="A tree"),)))
    (post,) = instagram.posts
    assert (post.id, post.text, post.extra) == (receipt.id, "A caption #one", {"media_type": "IMAGE"})
    assert post.media == [hosted.seen(JPEG, "A tree")]
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "A caption #one" in page.text
    assert instagram.steps.sent == 1


REELS = {
    "inferred": (None, None),
    "asked for": (placed(placement="reel"), None),
    "kept out of the feed": (placed(placement="reel", shareToFeed=False), "false"),
    "in the feed": (placed(placement="feed"), "true"),
    "feed without sharing": (placed(placement="feed", shareToFeed=False), "false"),
}


@pytest.mark.parametrize(("settings", "shared"), REELS.values(), ids=REELS)
async def test_a_single_video_is_a_reel(instagram, hosted, settings, shared):
    receipt = await instagram.publish(Draft("Watch", media=(hosted.media("video", MP4),), settings=settings))
    (post,) = instagram.posts
    assert (post.text, post.media) == ("Watch", [hosted.seen(MP4)])
    assert post.extra == {"media_type": "REELS"} | ({"share_to_feed": shared} if shared else {})
    assert (await page_of(receipt.url)).status_code == 200


async def test_a_reel_brings_its_cover(instagram, hosted):
    cover = hosted.media("image", JPEG)
    await instagram.publish(Draft("Watch", media=(hosted.media("video", MP4, thumbnail=cover.source),)))
    assert instagram.posts[0].extra["cover"] == hashlib.sha256(JPEG).hexdigest()


@pytest.mark.parametrize(("kind", "data"), [("image", JPEG), ("video", MP4)])
async def test_a_story_has_the_media_alone(instagram, hosted, kind, data):
    media = hosted.media(kind, data, alt_text="Seen nowhere")
    receipt = await instagram.publish(Draft("Seen nowhere", media=(media,), settings=placed(placement="story")))
    (post,) = instagram.posts
    assert (post.text, post.extra, post.media) == ("", {"media_type": "STORIES"}, [hosted.seen(data)])
    assert (await page_of(receipt.url)).status_code == 200


@pytest.mark.parametrize("count", [2, 10])
async def test_a_mixed_carousel_keeps_its_order_and_alt_texts(instagram, hosted, count):
    files = [("video", MP4, None) if n % 2 else ("image", JPEG, f"Item {n}") for n in range(count)]
    media = tuple(hosted.media(kind, data + bytes([n]), alt_text=alt) for n, (kind, data, alt) in enumerate(files))
    await instagram.publish(Draft("Many", media=media, settings=placed(placement="carousel")))
    (post,) = instagram.posts
    assert (post.text, post.extra) == ("Many", {"media_type": "CAROUSEL"})
    assert post.media == [hosted.seen(data + bytes([n]), alt) for n, (_, data, alt) in enumerate(files)]
    assert instagram.steps.sent == 1


async def test_a_video_that_takes_time_is_waited_for(instagram, hosted):
    instagram.arm("wait", "slow", delay=0.2)
    await instagram.publish(Draft("Slow", media=(hosted.media("video", MP4),)))
    assert instagram.world.counts["instagram", "wait"] > 2 and len(instagram.posts) == 1


async def test_the_facebook_login_publishes_by_graph_facebook_com(simulator, client, hosted):
    bench = Bench(BROKER, simulator, client, metadata={"login": "facebook"})
    receipt = await bench.publish(Draft("By Facebook", media=(hosted.media("image", JPEG),)))
    assert [(post.id, post.text) for post in bench.posts] == [(receipt.id, "By Facebook")]
    assert receipt.url.startswith(f"{simulator.root}/www.instagram.com/p/")
    assert {seen["host"] for seen in bench.world.requests} == {"graph.facebook.com"}
    assert (await bench.find(Draft("By Facebook", media=(hosted.media("image", JPEG),)))).receipt == receipt


async def test_a_used_up_quota_is_said_before_anything_is_sent(instagram, hosted):
    instagram.limits.update(quota_usage=50, quota_total=50)
    error = await instagram.refused(Draft("One more", media=(hosted.media("image", JPEG),)))
    assert (error.kind, error.retry_after) == ("quota", 3600)
    assert "50" in error.message and "tomorrow" in error.hint
    assert instagram.world.counts["instagram", "upload"] == 0 and instagram.steps.sent == 0


async def test_a_quota_that_cannot_be_read_stops_nothing(instagram, hosted):
    instagram.arm("read", "error_before")
    await instagram.publish(Draft("On", media=(hosted.media("image", JPEG),)))
    assert len(instagram.posts) == 1


async def test_a_quota_that_ran_out_in_between_is_a_refusal_to_wait_out(instagram, hosted):
    instagram.arm("read", "error_before")
    instagram.limits.update(quota_usage=50, quota_total=50)
    error = await instagram.refused(Draft("One more", media=(hosted.media("image", JPEG),)))
    assert (error.kind, error.platform_code, instagram.posts) == ("quota", "9/2207042", [])


@pytest.mark.parametrize("kind", ["image", "video"])
async def test_media_that_cannot_be_fetched_are_worth_another_try(instagram, kind):
    error = await instagram.refused(Draft("Gone", media=(Media(kind, "x", source=MediaServer.nowhere()),)))
    assert (error.kind, error.code, error.restart) == ("transient", "MEDIA_UPLOAD_FAILED", True)
    assert error.platform_code == {"image": "9004/2207052", "video": "2207003"}[kind]
    assert instagram.posts == [] and instagram.steps.sent == 0


@pytest.mark.parametrize(("kind", "data", "code"), [("image", PNG, "36001/2207005"), ("video", JPEG, "2207026")])
async def test_media_that_instagram_does_not_take_fail_for_good(instagram, hosted, kind, data, code):
    error = await instagram.refused(Draft("Bad", media=(hosted.media(kind, data),)))
    assert (error.kind, error.code, error.platform_code) == ("content", "MEDIA_UPLOAD_FAILED", code)
    assert error.hint and instagram.posts == []


async def test_one_bad_item_fails_the_carousel_before_it_is_public(instagram, hosted):
    media = (hosted.media("image", JPEG), hosted.media("video", b"no film"))
    error = await instagram.refused(Draft("Bad", media=media))
    assert error.platform_code == "2207026" and instagram.steps.sent == 0


async def test_an_expired_container_is_built_anew(instagram, hosted):
    draft = Draft("Late", media=(hosted.media("image", JPEG),))
    await instagram.publish(draft)
    container = instagram.world.objects[instagram.steps.journal["container"]]
    container.update(post=None, created_at=container["created_at"] - 2 * 86400)
    del instagram.steps.journal["ready"], instagram.steps.journal["release"]
    error = await instagram.refused(draft)
    assert (error.kind, error.restart) == ("transient", True)
    assert (await instagram.find(draft)).error.restart


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
async def test_a_lost_answer_after_the_effect_is_found_published(instagram, hosted, fault):
    draft = Draft("Once", media=(hosted.media("image", JPEG, alt_text="New"),))
    await instagram.publish(draft)
    instagram.steps = MemorySteps(instagram.api)
    await instagram.lost(draft, fault)
    first, second = instagram.posts
    sighting = await instagram.find(draft, taken=frozenset({first.id}))
    assert (sighting.state, sighting.receipt.id) == ("published", second.id)
    assert (await page_of(sighting.receipt.url)).status_code == 200
    assert instagram.steps.sent == 1


async def test_a_story_whose_answer_was_lost_is_found_among_the_stories(instagram, hosted):
    draft = Draft("", media=(hosted.media("image", JPEG),), settings=placed(placement="story"))
    await instagram.lost(draft, "error_after")
    sighting = await instagram.find(draft)
    assert (sighting.state, sighting.receipt.id) == ("published", instagram.posts[0].id)


@pytest.mark.parametrize("fault", ["hang", "error_before"])
async def test_a_lost_answer_without_effect_is_not_seen(instagram, hosted, fault):
    draft = Draft("Never", media=(hosted.media("image", JPEG),))
    await instagram.lost(draft, fault)
    assert (await instagram.find(draft)).state == "not_seen"
    assert instagram.posts == []


ALL_THE_SAME = {"spam": (4, 2207051), "server error": (-1, 2207001), "service": (2, None), "used": None}


@pytest.mark.parametrize("answer", ALL_THE_SAME.values(), ids=ALL_THE_SAME)
async def test_a_refusal_of_a_post_that_is_out_sends_to_look(instagram, hosted, answer):
    draft = Draft("Out", media=(hosted.media("image", JPEG),))
    await instagram.lost(draft, "error_after")
    if answer:
        error = {"message": "No", "code": answer[0], "error_subcode": answer[1]}
        instagram.world.arm_reply("instagram", "publish", 400, {"error": error})
    error = await instagram.refused(draft)
    assert error.may_have_posted
    assert (await instagram.find(draft)).receipt.id == instagram.posts[0].id
    assert len(instagram.posts) == 1


async def test_a_refusal_of_a_post_that_is_not_out_is_believed(instagram, hosted):
    instagram.world.arm_reply("instagram", "publish", 400, {"error": {"message": "No", "code": 2}})
    error = await instagram.refused(Draft("In", media=(hosted.media("image", JPEG),)))
    assert (error.kind, error.may_have_posted, error.restart) == ("transient", False, False)


async def test_find_without_a_container_sees_nothing_and_asks_nobody(instagram):
    assert (await instagram.find(Draft("x"), journal={})).state == "not_seen"
    assert instagram.world.requests == []


async def test_find_while_the_container_is_in_progress_is_pending(instagram, hosted):
    draft = Draft("Later", media=(hosted.media("video", MP4),))
    await instagram.lost(draft, "error_before")
    instagram.world.objects[instagram.steps.journal["container"]]["ready_at"] += 60
    assert (await instagram.find(draft)).state == "pending"


async def test_a_listing_that_lags_is_pending_and_then_the_container_is_proof_enough(instagram, hosted):
    draft = Draft("Lag", media=(hosted.media("image", JPEG),))
    instagram.arm("read", "late_listing", delay=3600)
    await instagram.lost(draft, "error_after")
    assert (await instagram.find(draft)).state == "pending"
    sighting = await instagram.find(draft, started_at=instagram.began - timedelta(minutes=1))
    assert (sighting.state, sighting.receipt.id) == ("published", instagram.steps.journal["container"])
    assert (await page_of(sighting.receipt.url)).status_code == 200


async def test_a_listing_that_cannot_be_read_does_not_unmake_the_proof(instagram, hosted):
    draft = Draft("Out", media=(hosted.media("image", JPEG),))
    await instagram.lost(draft, "error_after")
    instagram.arm("read", "refuse", times=-1)
    assert (await instagram.find(draft)).state == "pending"
    assert (await instagram.find(draft, started_at=instagram.began - timedelta(minutes=1))).state == "published"


async def test_a_permalink_that_cannot_be_read_leaves_a_success_with_the_profile(instagram, hosted):
    instagram.arm_after_publishing("read", "refuse")
    receipt = await instagram.publish(Draft("Fine", media=(hosted.media("image", JPEG),)))
    assert receipt.id == instagram.posts[0].id
    assert receipt.url.endswith(f"/www.instagram.com/{instagram.account.username}/")


async def test_a_second_run_after_a_crash_repeats_nothing(instagram, hosted):
    draft = Draft("Again", media=(hosted.media("image", JPEG), hosted.media("video", MP4)))
    first = await instagram.publish(draft)
    assert await instagram.publish(draft) == first
    assert instagram.world.counts["instagram", "upload"] == 3 and instagram.steps.sent == 1


async def test_media_are_only_asked_for_when_their_container_is_made(instagram, hosted):
    asked = []

    class Counting(FileSource):
        async def url(self):
            asked.append(self.at)
            return self.at

    one = hosted.media("image", JPEG)
    draft = Draft("Lazy", media=(replace(one, source=Counting(one.source.path, "image/jpeg", one.url)),))
    await instagram.publish(draft)
    await instagram.publish(draft)
    assert asked == [one.url]
