"""Posts whose answer was lost: what a look-up finds is told as fully as what was answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from brokers.sandbox.world import Fault
from tests.whole.desk import Desk
from tests.whole.media import files

pytestmark = pytest.mark.asyncio(loop_scope="module")


def film(desk: Desk, thumbnail: str) -> dict[str, object]:
    return {"media": [files()["film.mp4"].described(f"{desk.media}/film.mp4") | {"thumbnailUrl": f"{desk.media}/{thumbnail}"}]}


@pytest.fixture
def youtube(a_desk: Callable[[str], Desk]) -> Desk:
    """The answer to the last bytes of the next video is lost."""
    desk = a_desk("youtube")
    desk.world.faults.append(Fault("youtube", "publish", "error_after"))
    return desk


async def test_a_found_video_has_the_thumbnail_that_was_asked_for(youtube: Desk) -> None:
    await youtube.send(film(youtube, "photo-1.jpg"))
    told = await youtube.until(lambda told: told["status"] == "published")
    video = youtube.world.objects[f"video:{told['platformPostId']}"]
    assert video["thumbnail"]["sha256"] == files()["photo-1.jpg"].sha256
    assert (youtube.sent, told.get("notes", [])) == (1, [])


async def test_a_found_video_says_that_its_thumbnail_was_not_set(youtube: Desk) -> None:
    await youtube.send(film(youtube, "moving.gif"))
    told = await youtube.until(lambda told: told["status"] == "published")
    (note,) = told["notes"]
    assert "thumbnail was not set" in note and youtube.sent == 1


async def test_a_found_video_that_youtube_rejected_is_failed_and_can_be_sent_again(youtube: Desk) -> None:
    youtube.who.extra["verdict"] = "rejected/length"
    await youtube.send(film(youtube, "photo-1.jpg"))
    told = await youtube.until(lambda told: told["status"] == "failed")
    assert told["error"]["code"] == "BROKER_ERROR" and "youtube.com/verify" in told["error"]["hint"]
    del youtube.who.extra["verdict"]
    assert (await youtube.retry())["status"] == "published" and youtube.sent == 1
