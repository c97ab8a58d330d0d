"""Google's own client against the simulator, and our requests against the discovery document that it brings."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, build_http

from brokers.base import Draft
from brokers.sandbox.youtube_upload import FIELDS, PARAMETERS, PARTS
from brokers.youtube import BROKER
from brokers.youtube.accepts import Settings
from brokers.youtube.errors import VERDICTS
from brokers.youtube.publish import video_of
from tests.brokers.bench import Bench, account_on

DOCUMENT = json.loads((Path(googleapiclient.discovery_cache.__file__).parent / "documents" / "youtube.v3.json").read_text())
SCHEMAS = DOCUMENT["schemas"]
INSERT = DOCUMENT["resources"]["videos"]["methods"]["insert"]


@pytest.fixture
def service(simulator):
    # httplib2 alone follows a 308; the client's own http does not.
    http = AuthorizedHttp(Credentials(token=simulator.world.standing_token("youtube")), http=build_http())
    document = DOCUMENT | {"rootUrl": f"{simulator.root}/youtube.googleapis.com/"}
    with build_from_document(document, http=http) as service:
        yield service
    http.close()


def insert(service, path, **changes):
    status = {"privacyStatus": "unlisted", "containsSyntheticMedia": True}
    body = {"snippet": {"title": "By Google's client", "tags": ["a b"]}, "status": status, **changes}
    media = MediaFileUpload(str(path), "video/mp4", chunksize=512 * 1024, resumable=True)
    return service.videos().insert(part=",".join(body), body=body, notifySubscribers=False, media_body=media)


def test_googles_client_resumes_an_upload_that_broke_in_the_middle(simulator, service, files):
    item = files.media("video/mp4", 2_000_000)
    request = insert(service, item.source.path)
    _, video = request.next_chunk()
    assert video is None and request.resumable_progress == 512 * 1024
    simulator.world.arm_reply("youtube", "upload", 503, {})
    with pytest.raises(HttpError):
        request.next_chunk()
    while video is None:
        _, video = request.next_chunk()
    (post,) = simulator.world.ledger.posts
    assert video["id"] == post.id and video["snippet"]["title"] == "By Google's client"
    assert {name: post.media[0][name] for name in ("sha256", "size", "altText")} == files.seen(item)
    assert post.extra["notifySubscribers"] is False


def test_googles_client_reads_what_became_of_the_video(service, files):
    video = insert(service, files.media("video/mp4", 900).source.path).execute()
    (found,) = service.videos().list(part="status,processingDetails", id=video["id"]).execute()["items"]
    assert found["status"]["uploadStatus"] == "processed"
    assert found["processingDetails"]["processingStatus"] == "succeeded"


def test_googles_client_sets_a_thumbnail_and_reads_the_channel(simulator, service, files):
    video = insert(service, files.media("video/mp4", 900).source.path).execute()
    picture = MediaFileUpload(str(files.media("image/jpeg").source.path), "image/jpeg")
    assert service.thumbnails().set(videoId=video["id"], media_body=picture).execute()["items"]
    (channel,) = service.channels().list(part="snippet", mine=True).execute()["items"]
    assert channel["id"] == simulator.world.identity("youtube").id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"snippet": {"title": "t" * 101}}, "invalidTitle"),
        ({"snippet": {"title": "t", "description": "ü" * 2501}}, "invalidDescription"),
        ({"snippet": {"title": "t", "tags": ["x" * 249, "y z" * 84]}}, "invalidTags"),
        ({"snippet": {"title": "t", "categoryId": "99"}}, "invalidCategoryId"),
        ({"status": {"privacyStatus": "public", "publishAt": "2099-01-01T00:00:00Z"}}, "invalidPublishAt"),
        ({"status": {"privacyStatus": "private", "publishAt": "2001-01-01T00:00:00Z"}}, "invalidPublishAt"),
    ],
)
def test_googles_client_reads_the_reason_of_a_refusal(service, files, changes, reason):
    with pytest.raises(HttpError) as caught:
        insert(service, files.media("video/mp4").source.path, **changes).execute()
    assert caught.value.status_code == 400
    assert caught.value.error_details[0]["reason"] == reason


def check(value: Any, schema: dict[str, Any]) -> None:
    """That a value is what the discovery document says, field by field."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"]]
    if schema["type"] == "object":
        for name, inner in value.items():
            check(inner, schema["properties"][name])
    elif schema["type"] == "array":
        for inner in value:
            check(inner, schema["items"])
    else:
        assert type(value) is {"string": str, "boolean": bool}[schema["type"]]
        assert value in schema.get("enum", [value])


def test_our_body_is_what_the_discovery_document_says(simulator):
    wire = {
        "title": "T", "description": "D", "tags": ["a"], "categoryId": "28", "publishAt": "2099-01-01T00:00:00+02:00",
        "selfDeclaredMadeForKids": True, "containsSyntheticMedia": False,
    }  # fmt: skip
    body = video_of(account_on(simulator, "youtube"), Draft("x", settings=Settings.model_validate(wire)))
    check(body, SCHEMAS["Video"])
    assert {**body["snippet"], **body["status"]}.keys() == {*wire, "privacyStatus"}
    assert datetime.fromisoformat(body["status"]["publishAt"]) == datetime(2098, 12, 31, 22, tzinfo=UTC)


async def test_our_requests_name_what_the_discovery_document_names(simulator, client, files):
    seen = []

    async def note(request):
        seen.append(request)

    client.event_hooks = {"request": [note]}
    bench = Bench(BROKER, simulator, client, files)
    await bench.publish(Draft("T", (files.media("video/mp4", thumbnail=files.media("image/png").source),)))
    methods = {
        "/upload/youtube/v3/videos": INSERT,
        "/upload/youtube/v3/thumbnails/set": DOCUMENT["resources"]["thumbnails"]["methods"]["set"],
        "/youtube/v3/videos": DOCUMENT["resources"]["videos"]["methods"]["list"],
    }
    checked = set()
    for request in seen:
        path = request.url.path.removeprefix("/www.googleapis.com")
        named = methods[path]["parameters"].keys() | DOCUMENT["parameters"].keys() | {"upload_id"}
        assert set(request.url.params) <= named
        assert path in (methods[path]["path"], f"/{methods[path]['path']}", _upload_path(methods[path]))
        checked.add(path)
    assert checked == methods.keys()


def _upload_path(method: dict[str, Any]) -> str | None:
    found: str | None = method.get("mediaUpload", {}).get("protocols", {}).get("simple", {}).get("path")
    return found


def test_the_simulator_knows_no_field_that_youtube_does_not():
    for part, schema in (("snippet", "VideoSnippet"), ("status", "VideoStatus")):
        assert FIELDS[part].keys() <= SCHEMAS[schema]["properties"].keys()
    assert INSERT["parameters"].keys() >= PARAMETERS
    assert SCHEMAS["Video"]["properties"].keys() >= PARTS


def test_every_reason_of_the_discovery_document_has_its_row():
    status = SCHEMAS["VideoStatus"]["properties"]
    for kind, name in (("failed", "failureReason"), ("rejected", "rejectionReason")):
        assert {f"{kind}/{reason}" for reason in status[name]["enum"]} <= VERDICTS.keys()
