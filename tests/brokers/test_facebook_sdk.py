"""Meta's own SDK posts on the simulated Page: what it takes for Facebook, so does the simulator."""

from __future__ import annotations

import pytest
from facebook_business.adobjects.advideo import AdVideo
from facebook_business.adobjects.page import Page
from facebook_business.adobjects.pagepost import PagePost
from facebook_business.adobjects.photo import Photo
from facebook_business.adobjects.user import User
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from tests.brokers.bench import account_on
from tests.brokers.media_server import JPEG, MP4, PNG


def api_of(simulator, token):
    session = FacebookSession(access_token=token)
    session.GRAPH = f"{simulator.root}/graph.facebook.com"
    session.requests.trust_env = False
    return FacebookAdsApi(session)


@pytest.fixture
def page(simulator):
    account = account_on(simulator, "facebook")
    api = api_of(simulator, account.access_token)
    yield Page(account.platform_account_id, api=api)
    api._session.requests.close()


def test_a_text_with_a_link(simulator, page):
    made = page.create_feed(params={"message": "By the SDK & co", "link": "https://example.com/"})
    shown = PagePost(made["id"], api=page._api).api_get(fields=["message", "permalink_url", "created_time"])
    assert shown["message"] == "By the SDK & co" and made["id"].startswith(f"{page['id']}_")
    assert [each["id"] for each in page.get_feed(fields=["id", "message"])] == [made["id"]]
    assert simulator.world.ledger.posts[0].extra == {"link": "https://example.com/"}


def test_a_photo_by_url_and_one_as_a_file(simulator, page, hosted, tmp_path):
    by_url = page.create_photo(params={"url": hosted.media("image", JPEG).url, "caption": "One", "alt_text_custom": "A"})
    (tmp_path / "two.png").write_bytes(PNG)
    with (tmp_path / "two.png").open("rb") as file:
        page._api.call("POST", (page["id"], "photos"), params={"caption": "Two"}, files={"source": file})
    first, second = simulator.world.ledger.posts
    assert (first.text, first.media) == ("One", [hosted.seen(JPEG, "A")])
    assert (second.text, second.media) == ("Two", [hosted.seen(PNG)])
    assert Photo(by_url["id"], api=page._api).api_get(fields=["page_story_id"])["page_story_id"] == first.id


def test_several_photos_in_one_post(simulator, page, hosted):
    photos = [
        page.create_photo(params={"url": hosted.media("image", data).url, "published": False, "alt_text_custom": alt})
        for data, alt in ((JPEG, "First"), (PNG, "Second"))
    ]
    assert simulator.world.ledger.posts == []
    attached = [{"media_fbid": photo["id"]} for photo in photos]
    page.create_feed(params={"message": "Both", "attached_media": attached})
    (post,) = simulator.world.ledger.posts
    assert (post.text, post.media) == ("Both", [hosted.seen(JPEG, "First"), hosted.seen(PNG, "Second")])


def test_a_video_in_pieces(simulator, page, hosted):
    film = MP4 + b"x" * 5_000_000
    session = page.create_video(params={"upload_phase": "start", "file_size": len(film)})
    at, end = int(session["start_offset"]), int(session["end_offset"])
    while at < end:
        answer = page._api.call(
            "POST", (page["id"], "videos"),
            params={"upload_phase": "transfer", "upload_session_id": session["upload_session_id"], "start_offset": at},
            files={"video_file_chunk": ("film.mp4", film[at:end], "multipart/form-data")},
        ).json()  # fmt: skip
        at, end = int(answer["start_offset"]), int(answer["end_offset"])
    finish = {"upload_phase": "finish", "upload_session_id": session["upload_session_id"], "description": "A film"}
    page.create_video(params=finish)
    status = AdVideo(session["video_id"], api=page._api).api_get(fields=["status", "permalink_url"])["status"]
    assert status["publishing_phase"]["status"] == "complete"
    assert simulator.world.ledger.posts[0].media == [hosted.seen(film)]


def test_a_video_by_url(simulator, page, hosted):
    made = page.create_video(params={"file_url": hosted.media("video", MP4).url, "description": "A film"})
    assert (simulator.world.ledger.posts[0].id, simulator.world.ledger.posts[0].text) == (made["id"], "A film")


@pytest.mark.filterwarnings("ignore:value of upload_phase:UserWarning")
@pytest.mark.parametrize("edge", ["create_video_reel", "create_video_story"])
def test_a_reel_and_a_video_story(simulator, page, hosted, edge):
    send = getattr(page, edge)
    started = send(params={"upload_phase": "start"})
    headers = {"authorization": f"OAuth {page._api._session.access_token}", "offset": "0", "file_size": str(len(MP4))}
    uploaded = page._api._session.requests.post(started["upload_url"], headers=headers, data=MP4)
    assert uploaded.json() == {"success": True}
    finish = {"upload_phase": "finish", "video_id": started["video_id"]}
    send(params=finish | ({"video_state": "PUBLISHED"} if edge == "create_video_reel" else {}))
    (post,) = simulator.world.ledger.posts
    assert post.media == [hosted.seen(MP4)]
    assert post.extra["placement"] == ("reel" if edge == "create_video_reel" else "story")


def test_a_photo_story(simulator, page, hosted):
    photo = page.create_photo(params={"url": hosted.media("image", JPEG).url, "published": False})
    made = page.create_photo_story(params={"photo_id": photo["id"]})
    assert made["post_id"] == simulator.world.ledger.posts[0].id
    assert [each["media_id"] for each in page.get_stories(fields=["media_id", "url"])] == [photo["id"]]


def test_a_person_lists_the_pages(simulator):
    world = simulator.world
    token = world.issue("facebook", world.identity("facebook", 1).id, "access", ["*"], 60, life="long", pages={})
    api = api_of(simulator, token)
    pages = User("me", api=api).get_accounts(fields=["id", "name", "access_token"])
    assert [each["id"] for each in pages] == [world.identity("facebook", number).id for number in (1, 1001)]
    api._session.requests.close()


def test_a_refusal_is_one_that_the_sdk_reads(page):
    with pytest.raises(FacebookRequestError) as caught:
        page.create_feed(params={"message": ""})
    assert (caught.value.http_status(), caught.value.api_error_code()) == (400, 100)
