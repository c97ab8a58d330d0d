"""X's own Python SDK takes the simulator for X: what it can do there, the broker may rely on."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from xdk import Client
from xdk.media.models import AppendUploadRequest, CreateMetadataRequest, InitializeUploadRequest
from xdk.posts.models import CreateRequest

from tests.brokers.pushed import HEADS

SCOPES = ["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"]


@pytest.fixture
def sdk(simulator):
    token = simulator.world.standing_token("twitter")
    return Client(base_url=f"{simulator.root}/api.x.com", access_token=token)


def upload(sdk, media_type, category, data):
    announced = InitializeUploadRequest(media_type=media_type, media_category=category, total_bytes=len(data))
    media_id = sdk.media.initialize_upload(announced).data.id
    segment = AppendUploadRequest(media=base64.b64encode(data).decode(), segment_index=0)
    sdk.media.append_upload(media_id, segment)
    return media_id, sdk.media.finalize_upload(media_id).data


def test_it_posts_a_picture_with_alt_text(sdk, simulator):
    media_id, done = upload(sdk, "image/png", "tweet_image", HEADS["image/png"] + b"drawing")
    assert done.processing_info is None
    sdk.media.create_metadata(CreateMetadataRequest(id=media_id, metadata={"alt_text": {"text": "A drawing"}}))
    made = sdk.posts.create(CreateRequest(text="From the SDK", media={"media_ids": [media_id]}))
    (post,) = simulator.world.ledger.posts
    assert (post.id, post.text, post.media[0]["altText"]) == (made.data.id, "From the SDK", "A drawing")


def test_it_waits_for_a_film(sdk, simulator):
    media_id, done = upload(sdk, "video/mp4", "tweet_video", HEADS["video/mp4"] + b"film")
    assert done.processing_info.state == "pending"
    assert sdk.media.get_upload_status(media_id, command="STATUS").data.processing_info.state == "succeeded"
    sdk.posts.create(CreateRequest(text="", media={"media_ids": [media_id]}))
    assert simulator.world.ledger.posts[0].media[0]["mimeType"] == "video/mp4"


def test_it_reads_itself_and_its_timeline(sdk, simulator):
    me = sdk.users.get_me(user_fields=["profile_image_url"]).data
    assert me.username == simulator.world.identity("twitter", 0).username and me.profile_image_url
    first = sdk.posts.create(CreateRequest(text="One")).data.id
    second = sdk.posts.create(CreateRequest(text="See https://example.com/two")).data.id
    pages = sdk.users.get_posts(me.id, max_results=5, since_id=first, post_fields=["created_at", "entities"])
    (page,) = list(pages)
    (post,) = page.data
    assert post["id"] if isinstance(post, dict) else post.id == second
    shown = post if isinstance(post, dict) else post.model_dump()
    assert shown["text"].startswith("See https://t.co/")
    assert shown["entities"]["urls"][0]["expanded_url"] == "https://example.com/two"


def test_it_sees_refusals_as_http_errors(sdk):
    sdk.posts.create(CreateRequest(text="Twice"))
    with pytest.raises(requests.HTTPError) as refused:
        sdk.posts.create(CreateRequest(text="Twice"))
    assert refused.value.response.status_code == 403
    assert "duplicate content" in refused.value.response.json()["detail"]


def test_it_connects_and_refreshes(simulator, monkeypatch):
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    root = simulator.root
    sdk = Client(
        base_url=f"{root}/api.x.com", authorization_base_url=f"{root}/x.com/i", client_id="an-app",
        client_secret="a-secret",
        redirect_uri="https://ampost.test/callback", scope=SCOPES,
    )  # fmt: skip
    where = sdk.oauth2_auth.get_authorization_url(state="s")
    answer = requests.get(f"{where}&choose=0", allow_redirects=False, timeout=5)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    first = sdk.oauth2_auth.exchange_code(code)
    assert first["refresh_token"] and first["expires_in"] == 7200
    again = sdk.oauth2_auth.refresh_token()
    assert again["refresh_token"] != first["refresh_token"]
    fresh = Client(base_url=f"{root}/api.x.com", access_token=again["access_token"])
    assert fresh.users.get_me().data.id == simulator.world.identity("twitter", 0).id
