"""Posts on a Facebook Page, against the simulator: what was asked arrives, and nothing goes out twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brokers.base import Draft
from brokers.errors import PlatformError, Unclear
from tests.brokers.bench import page_of
from tests.brokers.facebook_bench import JPEG, PNG, TEXT, bench, placed
from tests.brokers.media_server import MediaServer


@pytest.fixture
async def fb(simulator, client, tmp_path, hosted):
    return bench(simulator, client, tmp_path, hosted)


async def test_text_and_link_arrive_and_the_permalink_opens(fb):
    receipt = await fb.publish(Draft("Hello Page 🎉 & <friends>", link_url="https://example.com/a?b=c"))
    (post,) = fb.posts
    assert (post.id, post.account_id) == (receipt.id, fb.account.platform_account_id)
    assert (post.text, post.extra, post.media) == (
        "Hello Page 🎉 & <friends>", {"link": "https://example.com/a?b=c"}, []
    )  # fmt: skip
    page = await page_of(receipt.url)
    assert page.status_code == 200 and "Hello Page" in page.text
    assert fb.steps.sent == 1


async def test_a_link_alone_is_a_post(fb):
    await fb.publish(Draft("", link_url="https://example.com/"))
    assert (fb.posts[0].text, fb.posts[0].extra) == ("", {"link": "https://example.com/"})


@pytest.mark.parametrize("count", [1, 3, 10])
async def test_photos_arrive_in_order_with_their_alt_texts(fb, count):
    media = tuple(
        fb.files.media([JPEG, PNG][n % 2], alt_text=None if n == 1 else f"Photo {n} ✓") for n in range(count)
    )  # fmt: skip
    receipt = await fb.publish(Draft("Look", media=media, link_url="https://example.com/x"))
    assert fb.seen == [fb.files.seen(item) for item in media]
    assert (fb.posts[0].text, fb.posts[0].id) == ("Look\n\nhttps://example.com/x", receipt.id)
    assert (await page_of(receipt.url)).status_code == 200
    assert fb.steps.sent == 1


async def test_a_photo_story_arrives_without_text(fb):
    photo = fb.files.media(PNG, alt_text="A story")
    receipt = await fb.publish(Draft("not shown", media=(photo,), settings=placed("story")))
    (post,) = fb.posts
    assert (post.id, post.text, post.extra["placement"]) == (receipt.id, "", "story")
    assert fb.seen == [fb.files.seen(photo)]
    assert "/stories/" in receipt.url and (await page_of(receipt.url)).status_code == 200


async def test_a_photo_that_cannot_be_fetched_ends_before_the_post(fb):
    missing = replace(fb.files.media(JPEG), source=MediaServer.nowhere())
    with pytest.raises(PlatformError) as refused:
        await fb.publish(Draft("A photo", media=(missing,)))
    assert (refused.value.kind, refused.value.code) == ("transient", "MEDIA_UPLOAD_FAILED")
    assert fb.steps.sent == 0 and fb.posts == []


async def test_a_file_that_is_no_photo_is_refused_before_the_post(fb):
    with pytest.raises(PlatformError) as refused:
        await fb.publish(Draft("A photo", media=(fb.files.media(JPEG, content=TEXT),)))
    assert (refused.value.kind, refused.value.code) == ("content", "MEDIA_UPLOAD_FAILED")
    assert fb.steps.sent == 0


async def test_a_later_try_does_not_upload_again(fb):
    draft = Draft("Again", media=(fb.files.media(PNG), fb.files.media(JPEG)))
    fb.arm("publish", "rate_limit", retry_after=120)
    with pytest.raises(PlatformError) as refused:
        await fb.publish(draft)
    assert (refused.value.kind, refused.value.retry_after) == ("quota", 120)
    uploads = fb.world.counts["facebook", "upload"]
    await fb.publish(draft)
    assert fb.world.counts["facebook", "upload"] == uploads == 2
    assert fb.seen == [fb.files.seen(item) for item in draft.media]


async def test_a_permalink_that_cannot_be_read_does_not_fail_the_post(fb):
    fb.arm("wait", "error_before", times=-1)
    receipt = await fb.publish(Draft("No link"))
    assert receipt.id == fb.posts[0].id
    assert (await page_of(receipt.url)).status_code == 200


async def test_the_same_text_twice_is_refused_with_a_hint(fb):
    await fb.publish(Draft("Only once"))
    fb.start_over()
    with pytest.raises(PlatformError) as refused:
        await fb.publish(Draft("Only once"))
    assert (refused.value.kind, refused.value.platform_code) == ("content", "506")
    assert len(fb.posts) == 1


# -- after an unclear answer -------------------------------------------------------------------------------------


def shapes(fb):
    """Drafts by name: each must be findable by what the platform shows of it."""
    picture = fb.files.media
    return {
        "text": Draft("Tom & Jerry <3 Cafe\u0301 🎉\n\n#tag"),
        "text and link": Draft("Read", link_url="https://example.com/page"),
        "link": Draft("", link_url="https://example.com/page"),
        "photo": Draft("", media=(picture(JPEG),)),
        "photo and text": Draft("A photo", media=(picture(JPEG),)),
        "photos": Draft("", media=(picture(JPEG), picture(PNG))),
        "story": Draft("", media=(picture(JPEG),), settings=placed("story")),
    }


NAMES = ["text", "text and link", "link", "photo", "photo and text", "photos", "story"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lose_answer", "truncate", "error_after"])
async def test_a_post_whose_answer_was_lost_is_found(fb, name, fault):
    draft = shapes(fb)[name]
    await fb.publish(Draft("An older one"))
    fb.start_over()
    await fb.lost(draft, fault)
    await fb.found(draft)
    assert len(fb.posts) == 2 and fb.steps.sent == 1


@pytest.mark.parametrize("name", NAMES)
async def test_a_post_that_never_arrived_is_not_seen(fb, name):
    draft = shapes(fb)[name]
    twin = replace(draft, media=tuple(fb.files.media(PNG) for _ in draft.media))
    await fb.publish(twin)
    fb.start_over()
    fb.arm("publish", "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    assert (await fb.find(draft)).state == "not_seen"
    assert len(fb.posts) == 1


async def test_a_post_of_our_own_is_never_taken_for_another(fb):
    receipt = await fb.publish(Draft("Twice"))
    journal = {name: value for name, value in fb.steps.journal.items() if name != "post"}
    assert (await fb.find(Draft("Twice"), journal=journal, taken=frozenset({receipt.id}))).state == "not_seen"
    assert (await fb.find(Draft("Twice"), journal=journal)).state == "published"


async def test_without_a_noted_post_the_time_decides(fb):
    fb.arm("read", "error_before")
    await fb.publish(Draft("Timed"))
    assert fb.steps.journal["before"] is None
    journal = {"before": None}
    assert (await fb.find(Draft("Timed"), journal=journal)).state == "published"
    later = fb.began.replace(year=fb.began.year + 1)
    assert (await fb.find(Draft("Timed"), journal=journal, started_at=later)).state == "not_seen"


async def test_a_listing_that_lags_is_not_seen_yet(fb):
    fb.hurry()
    fb.arm("publish", "lose_answer")
    fb.arm("read", "late_listing", delay=60, times=-1)
    with pytest.raises(Unclear):
        await fb.publish(Draft("Late"))
    assert (await fb.find(Draft("Late"))).state == "not_seen"
    fb.world.faults.clear()
    assert (await fb.find(Draft("Late"))).state == "published"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_refusal_counts_only_after_a_look(fb, name, arrived):
    draft = shapes(fb)[name]
    fb.arm("publish", "error_after" if arrived else "error_before")
    with pytest.raises(Unclear):
        await fb.publish(draft)
    fb.world.arm_reply("facebook", "publish", 400, {"error": {"message": "Temporary", "code": 2}})
    with pytest.raises(PlatformError) as said:
        await fb.publish(draft)
    assert (said.value.kind, said.value.may_have_posted) == ("transient", arrived)
