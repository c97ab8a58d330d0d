"""Meta's own SDK publishes on the simulator: what it takes for Instagram, so does the simulator."""

from __future__ import annotations

import pytest
from facebook_business.adobjects.igmedia import IGMedia
from facebook_business.adobjects.iguser import IGUser
from facebook_business.adobjects.shadowigmediabuilder import ShadowIGMediaBuilder
from facebook_business.api import FacebookAdsApi
from facebook_business.exceptions import FacebookRequestError
from facebook_business.session import FacebookSession

from tests.brokers.bench import account_on
from tests.brokers.media_server import JPEG, MP4


@pytest.fixture
def user(simulator):
    account = account_on(simulator, "instagram")
    session = FacebookSession(access_token=account.access_token)
    session.GRAPH = f"{simulator.root}/graph.instagram.com"
    session.requests.trust_env = False
    yield IGUser(account.platform_account_id, api=FacebookAdsApi(session))
    session.requests.close()


def status(user, container):
    return ShadowIGMediaBuilder(container["id"], api=user._api).api_get(fields=["status_code"])["status_code"]


def test_an_image_with_alt_text(simulator, user, hosted):
    url = hosted.media("image", JPEG).url
    container = user.create_media(params={"image_url": url, "caption": "By the SDK", "alt_text": "A tree"})
    assert status(user, container) == "FINISHED"
    media = user.create_media_publish(params={"creation_id": int(container["id"])})
    assert status(user, container) == "PUBLISHED"
    shown = IGMedia(media["id"], api=user._api).api_get(fields=["caption", "permalink", "alt_text"])
    assert (shown["caption"], shown["alt_text"]) == ("By the SDK", "A tree")
    assert [each["id"] for each in user.get_media(fields=["id"])] == [media["id"]]
    assert simulator.world.ledger.posts[0].media == [hosted.seen(JPEG, "A tree")]


def test_a_carousel_and_the_quota(simulator, user, hosted):
    image, film = hosted.media("image", JPEG).url, hosted.media("video", MP4).url
    items = [
        user.create_media(params={"image_url": image, "is_carousel_item": True}),
        user.create_media(params={"video_url": film, "media_type": "VIDEO", "is_carousel_item": True}),
    ]
    parent = user.create_media(params={"media_type": "CAROUSEL", "children": [each["id"] for each in items]})
    user.create_media_publish(params={"creation_id": int(parent["id"])})
    assert simulator.world.ledger.posts[0].media == [hosted.seen(JPEG), hosted.seen(MP4)]
    (limit,) = user.get_content_publishing_limit(fields=["quota_usage", "config"])
    assert limit["quota_usage"] == 1


def test_a_refusal_is_one_that_the_sdk_reads(user):
    with pytest.raises(FacebookRequestError) as caught:
        user.create_media(params={"media_type": "CAROUSEL", "children": ["1"]})
    assert (caught.value.api_error_code(), caught.value.api_error_subcode()) == (100, 2207028)
