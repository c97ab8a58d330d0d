"""X against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from brokers.sandbox.twitter import errors
from brokers.twitter import BROKER
from brokers.twitter.accepts import Settings
from brokers.twitter.errors import ROWS
from tests.brokers.bench import Bench, page_of

MIB = 1024 * 1024


@pytest.fixture
async def x(simulator, client, files):
    return Bench(BROKER, simulator, client, files)


async def test_text_arrives_and_its_link_opens(x):
    draft = Draft("Hello X 🎉 & <friends>", settings=Settings.model_validate({"replySettings": "following"}))
    receipt = await x.publish(draft)
    (post,) = x.posts
    assert (post.id, post.text, post.media) == (receipt.id, "Hello X 🎉 & <friends>", [])
    assert post.extra == {"reply_settings": "following"}
    assert receipt.url == f"{x.simulator.root}/x.com/{x.account.username}/status/{post.id}"
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "Hello X" in page.text
    assert x.steps.sent == 1


async def test_the_link_goes_into_the_text(x):
    await x.publish(Draft("Read this", link_url="https://example.com/a?b=c"))
    assert x.posts[0].text == "Read this https://example.com/a?b=c"


async def test_without_a_username_the_link_still_opens(x):
    x.account = replace(x.account, username=None)
    receipt = await x.publish(Draft("Nameless"))
    assert (await page_of(receipt.url)).status_code == 200


@pytest.mark.parametrize("count", [1, 4])
async def test_images_arrive_in_order_with_their_alt_texts(x, files, count):
    kinds = ["image/jpeg", "image/png", "image/jpeg", "image/png"][:count]
    media = tuple(files.media(kind, alt_text=f"Item {n}" if n != 1 else None) for n, kind in enumerate(kinds))
    receipt = await x.publish(Draft("Look", media=media))
    assert x.seen == [files.seen(item) for item in media]
    assert (x.posts[0].text, x.posts[0].id) == ("Look", receipt.id)


@pytest.mark.parametrize(("mime_type", "size"), [("image/gif", 300), ("video/mp4", 9 * MIB + 1)])
async def test_processed_media_are_waited_for(x, files, mime_type, size):
    x.arm("wait", "slow", delay=0.2)
    item = files.media(mime_type, size, alt_text="A cat")
    await x.publish(Draft("", media=(item,)))
    assert x.seen == [files.seen(item)]
    assert x.posts[0].media[0]["mimeType"] == mime_type
    assert x.world.counts["twitter", "wait"] > 2


async def test_a_large_file_goes_in_segments(x, files):
    await x.publish(Draft("", media=(files.media("video/mp4", 9 * MIB + 1),)))
    appended = [r["path"] for r in x.world.requests if r["path"].endswith("/append")]
    assert len(appended) == 3


async def test_media_that_cannot_be_processed_are_refused_before_the_post(x, files):
    error = await x.refused(Draft("A film", media=(files.media("video/mp4", content="text/plain"),)))
    assert (error.kind, error.code) == ("content", "MEDIA_UPLOAD_FAILED")
    assert "Unsupported video format" in error.message
    assert x.steps.sent == 0 and x.posts == []


async def test_a_crash_after_the_uploads_posts_without_uploading_again(x, files):
    draft = Draft("Again", media=(files.media("image/png", alt_text="A"),))
    x.arm("publish", "refuse")
    with pytest.raises(PlatformError):
        await x.publish(draft)
    uploads = x.world.counts["twitter", "upload"]
    await x.publish(draft)
    assert x.world.counts["twitter", "upload"] == uploads
    assert x.seen == [x.files.seen(draft.media[0])]


async def test_the_same_text_twice_is_refused_with_a_hint(x):
    await x.publish(Draft("Only once"))
    x.start_over()
    error = await x.refused(Draft("Only once"))
    assert (error.kind, error.broker_code) == ("content", "PUBLISH_FAILED")
    assert error.hint and "look there first" in error.hint
    assert len(x.posts) == 1


# -- after an unclear answer -------------------------------------------------------------------------------------

TRICKY = "Tom & Jerry <3 see example.com and https://example.org/x?a=1&b=2. Cafe\u0301  &amp; 🎉"


@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
@pytest.mark.parametrize("with_media", [False, True])
async def test_a_post_whose_answer_was_lost_is_found(x, files, fault, with_media):
    media = (files.media("image/png"),) if with_media else ()
    draft = Draft(TRICKY, media=media, link_url="https://example.net/page")
    await x.publish(Draft("An older one"))
    x.start_over()
    await x.lost(draft, fault)
    await x.found(draft)
    assert len(x.posts) == 2


async def test_a_post_without_text_is_found_by_its_media(x, files):
    mine, other = files.media("image/png"), files.media("image/jpeg")
    x.hurry()
    x.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await x.publish(Draft("", media=(mine,)))
    journal = x.steps.journal
    x.start_over()
    await x.publish(Draft("", media=(other,)))
    sighting = await x.find(Draft("", media=(mine,)), journal=journal)
    assert sighting.receipt and sighting.receipt.id == x.posts[0].id


@pytest.mark.parametrize("fault", ["error_before", "hang"])
async def test_a_post_that_never_arrived_is_not_seen(x, fault):
    x.hurry()
    x.arm("publish", fault)
    with pytest.raises(Unclear):
        await x.publish(Draft("Lost"))
    assert (await x.find(Draft("Lost"))).state == "not_seen"


async def test_another_post_is_never_mistaken_for_the_lost_one(x):
    """Older than the attempt, taken by another post, other text, other number of media: none of them counts."""
    await x.publish(Draft("Same words"))
    x.start_over()
    x.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await x.publish(Draft("Same words"))
    assert (await x.find(Draft("Same words"))).state == "not_seen"
    taken = frozenset({x.posts[0].id})
    unknown_before = {"journal": {"before": None}, "started_at": datetime.now(UTC) - timedelta(minutes=5)}
    assert (await x.find(Draft("Same words"), taken=taken, **unknown_before)).state == "not_seen"
    assert (await x.find(Draft("Same words."), **unknown_before)).state == "not_seen"
    item = x.files.media("image/png")
    assert (await x.find(Draft("Same words", media=(item,)), **unknown_before)).state == "not_seen"
    assert (await x.find(Draft("Same words"), **unknown_before)).state == "published"


async def test_an_unreadable_timeline_does_not_stop_the_post(x):
    x.arm("read", "error_before")
    await x.publish(Draft("Blind"))
    assert x.steps.journal["before"] is None
    found = await x.find(Draft("Blind"), started_at=datetime.now(UTC))
    assert found.receipt and found.receipt.id == x.posts[0].id


async def test_a_late_timeline_is_looked_at_again(x):
    x.hurry()
    x.arm("publish", "lose_answer")
    with pytest.raises(Unclear):
        await x.publish(Draft("Slow to show"))
    x.arm("read", "late_listing", delay=60)
    assert (await x.find(Draft("Slow to show"))).state == "not_seen"
    x.world.faults.clear()
    assert (await x.find(Draft("Slow to show"))).state == "published"


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ROWS))
async def test_every_documented_error_is_understood(x, name):
    error, row = await x.answered(errors()[name], Draft("Anything")), ROWS[name]
    assert error.platform_code == name
    assert (error.kind, error.code, error.hint) == (row.kind, row.code, row.hint)
    assert error.broker_code == row.broker_code
    assert (error.status, error.restart) == (errors()[name][0], row.restart)
    assert x.posts == []


def test_every_row_has_an_example():
    assert set(errors()) == set(ROWS)


@pytest.mark.parametrize(
    ("fault", "kind", "broker_code"),
    [("expired_token", "auth", "AUTH_EXPIRED"), ("rate_limit", "quota", "PUBLISH_FAILED"),
     ("refuse", "unknown", "PLATFORM_ERROR")],
)  # fmt: skip
async def test_armed_faults_are_refusals(x, fault, kind, broker_code):
    x.arm("publish", fault, retry_after=40)
    error = await x.refused(Draft("Anything"))
    assert (error.kind, error.broker_code) == (kind, broker_code)
    if fault == "rate_limit":
        assert error.retry_after == pytest.approx(40, abs=2)


@pytest.mark.parametrize(("name", "seconds"), [("daily-limit", 7200), ("429", 60)])
async def test_limits_say_when_they_end(x, name, seconds):
    error = await x.answered(errors()[name], Draft("Anything"))
    assert error.retry_after == pytest.approx(seconds, abs=2)


async def test_errors_inside_a_success_are_refusals(x, files):
    problem = errors()["resource-not-found"][2]
    x.world.arm_reply("twitter", "upload", 200, {"errors": [problem]})
    error = await x.refused(Draft("Anything", media=(files.media("image/png"),)))
    assert (error.platform_code, error.restart) == ("resource-not-found", True)


async def test_an_unknown_refusal_keeps_what_x_said(x):
    error = await x.answered((418, {}, {"title": "I am a teapot", "type": "about:blank"}), Draft("Anything"))
    assert (error.kind, error.platform_code) == ("unknown", "418")
    assert "I am a teapot" in error.message


async def test_a_success_without_an_id_is_unclear(x):
    x.world.arm_reply("twitter", "publish", 201, {"data": None})
    with pytest.raises(Unclear):
        await x.publish(Draft("Anything"))
