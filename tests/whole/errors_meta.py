"""Errors of Facebook, Instagram and Threads."""

from __future__ import annotations

from typing import Any

from tests.whole.errors import Answer, container, graph, rows

#: developers.facebook.com/docs/graph-api/guides/error-handling
COMMON = """
    1, 2                                   | transient | PLATFORM_ERROR | tries again by itself
    3                                      | config    | INVALID_CONFIG | lacks this capability
    4, 17, 32, 341, 613                    | quota     | PLATFORM_ERROR | tries again by itself
    10, 200, 299                           | auth      | AUTH_REVOKED   | grant every permission
    102, 190, 190/463                      | auth      | AUTH_EXPIRED   | Reconnect the account
    190/458, 190/460, 190/467, 190/492     | auth      | AUTH_REVOKED   | Reconnect the account
    190/459, 190/464                       | identity  | AUTH_EXPIRED   | Log in to the account on the platform itself
    368                                    | identity  | PUBLISH_FAILED | do what it asks for
"""

#: Each comes as a code and as a subcode.
FACEBOOK_NAMED = """
    {0}1346003, {0}1404102 | content   | PUBLISH_FAILED      | follows Facebook's rules
    {0}1404078             | identity  | PUBLISH_FAILED      | Complete Page publishing authorization
    {0}1390008             | quota     | PLATFORM_ERROR      | tries again by itself
    {0}1366051             | content   | PUBLISH_FAILED      | look at the Page before posting again
    {0}1366046             | content   | MEDIA_UPLOAD_FAILED | below 4 MB
    {0}1609005             | content   | PUBLISH_FAILED      | correct or remove it
    {0}1609008             | content   | PUBLISH_FAILED      | remove linkUrl
    {0}1609010, {0}1363047 | transient | PLATFORM_ERROR      | tries again by itself
    {0}2061006             | content   | PUBLISH_FAILED      | Correct the URL
    {0}1363037             | transient | MEDIA_UPLOAD_FAILED | tries again by itself
    {0}1363040             | content   | MEDIA_UPLOAD_FAILED | Crop the video to 9:16
    {0}1363127             | content   | MEDIA_UPLOAD_FAILED | at least 540 x 960 pixels
    {0}1363128             | content   | MEDIA_UPLOAD_FAILED | Cut the video to 4 to 60 seconds
    {0}1363129             | content   | MEDIA_UPLOAD_FAILED | 24 to 60 frames a second
"""
FACEBOOK_TEXT = """
    100             | content  | PUBLISH_FAILED | correct what the message names
    100/33          | content  | PUBLISH_FAILED | does not show this Page
    368/4854002     | identity | PAGE_IDENTITY_CONFIRMATION_REQUIRED | confirm their identity in the Facebook mobile app
    506             | content  | PUBLISH_FAILED | look there first
    987654          | unknown  | PLATFORM_ERROR | Read the message
"""
FACEBOOK_MEDIA = """
    382        | content   | MEDIA_UPLOAD_FAILED | too small
    389        | transient | MEDIA_UPLOAD_FAILED | opens without a login
    6000, 6001 | transient | MEDIA_UPLOAD_FAILED | tries again by itself
"""
FACEBOOK_PROCESSING = """
    1363127 | content  | MEDIA_UPLOAD_FAILED | at least 540 x 960 pixels
    1363129 | content  | MEDIA_UPLOAD_FAILED | 24 to 60 frames a second
    1404078 | identity | PUBLISH_FAILED      | Complete Page publishing authorization
    1363024 | content  | MEDIA_UPLOAD_FAILED | Encode the video as MP4
"""


def processing(key: str) -> Answer:
    """A video's status once Facebook has failed to process it."""
    error = {"code": int(key), "message": "The video cannot be processed"}
    return 200, {}, {"id": "1", "status": {"video_status": "error", "processing_phase": {"status": "error", "errors": [error]}}}


FACEBOOK = (
    *rows("facebook", "publish", "text", graph, COMMON + FACEBOOK_TEXT + FACEBOOK_NAMED.replace("{0}", "")),
    *rows("facebook", "publish", "text", graph, FACEBOOK_NAMED.replace("{0}", "100/")),
    *rows("facebook", "upload", "photo", graph, FACEBOOK_MEDIA),
    *rows("facebook", "wait", "reel", processing, FACEBOOK_PROCESSING),
)

#: developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/error-codes
INSTAGRAM_POST = """
    100                                       | content   | PUBLISH_FAILED      | correct what the message names
    100/33                                    | transient | PUBLISH_FAILED      | tries again by itself
    -1/2207001                                | transient | PUBLISH_FAILED      | tries again by itself
    -2/2207003, 9004/2207052                  | transient | MEDIA_UPLOAD_FAILED | opens without a login
    -2/2207020, 24/2207006, 24/2207008        | transient | PUBLISH_FAILED      | tries again by itself
    100/2207032, 100/2207053, 100/2207085     | transient | PUBLISH_FAILED      | tries again by itself
    9007/2207027                              | transient | PUBLISH_FAILED      | tries again by itself
    1/2207057                                 | content   | PUBLISH_FAILED      | Choose a cover
    4/2207051                                 | unclear   | PUBLISH_OUTCOME_UNKNOWN | Look at the account
    9/2207042                                 | limit     | PUBLISH_FAILED      | retry tomorrow
    25/2207050                                | identity  | PUBLISH_FAILED      | log in to its app
    100/2207023                               | content   | PUBLISH_FAILED      | another placement
    100/2207028                               | content   | PUBLISH_FAILED      | 2 to 10 items
    100/2207035, 100/2207036, 100/2207037     | content   | PUBLISH_FAILED      | product tags
    100/2207040                               | content   | PUBLISH_FAILED      | at most 20 mentions
    352/2207026                               | content   | MEDIA_UPLOAD_FAILED | H.264 or HEVC
    36000/2207004                             | content   | MEDIA_UPLOAD_FAILED | smaller than 8 MiB
    36001/2207005                             | content   | MEDIA_UPLOAD_FAILED | Convert the image to JPEG
    36003/2207009                             | content   | MEDIA_UPLOAD_FAILED | between 4:5 and 1.91:1
    36004/2207010                             | content   | PUBLISH_FAILED      | 2200 characters, 30 hashtags
    100/2207081                               | content   | PUBLISH_FAILED      | ordinary reel
    987654                                    | unknown   | PLATFORM_ERROR      | Read the message
"""
INSTAGRAM_CONTAINER = """
    2207026          | content   | MEDIA_UPLOAD_FAILED | H.264 or HEVC
    2207003, 2207052 | transient | MEDIA_UPLOAD_FAILED | opens without a login
    2207053, EXPIRED | transient | PUBLISH_FAILED      | tries again by itself
    2207999          | content   | MEDIA_UPLOAD_FAILED | Instagram's limits
"""
INSTAGRAM = (
    *rows("instagram", "publish", "photo", graph, COMMON + INSTAGRAM_POST),
    *rows("instagram", "wait", "film", container("status_code", "status"), INSTAGRAM_CONTAINER),
)

#: developers.facebook.com/docs/threads/troubleshooting
THREADS_POST = """
    100                      | content   | PUBLISH_FAILED      | correct what the message names
    100/33                   | transient | PUBLISH_FAILED      | tries again by itself
    24/4279009               | transient | PUBLISH_FAILED      | tries again by itself
    1/2207052, -2/2207003    | transient | MEDIA_UPLOAD_FAILED | opens without a login
    987654                   | unknown   | PLATFORM_ERROR      | Read the message
"""
THREADS_CONTAINER = """
    EXPIRED                                              | transient | PUBLISH_FAILED      | tries again by itself
    UNKNOWN                                              | content   | MEDIA_UPLOAD_FAILED | opens without a login
    FAILED_DOWNLOADING_VIDEO                             | transient | MEDIA_UPLOAD_FAILED | opens without a login
    FAILED_PROCESSING_VIDEO                              | content   | MEDIA_UPLOAD_FAILED | H.264 or HEVC
    FAILED_PROCESSING_AUDIO                              | content   | MEDIA_UPLOAD_FAILED | 48 kHz
    INVALID_ASPEC_RATIO                                  | content   | MEDIA_UPLOAD_FAILED | aspect ratio
    INVALID_AUDIO_CHANNELS, INVALID_AUDIO_CHANNEL_LAYOUT | content   | MEDIA_UPLOAD_FAILED | mono or stereo
    INVALID_BIT_RATE                                     | content   | MEDIA_UPLOAD_FAILED | 100 Mbit/s
    INVALID_DURATION                                     | content   | MEDIA_UPLOAD_FAILED | five minutes
    INVALID_FRAME_RATE                                   | content   | MEDIA_UPLOAD_FAILED | 23 to 60 frames
"""


def failed_container(key: str) -> Answer:
    said: dict[str, Any] = {"status": "EXPIRED"} if key == "EXPIRED" else {"status": "ERROR", "error_message": key}
    return 200, {}, {"id": "1", **said}


THREADS = (
    *rows("threads", "publish", "text", graph, COMMON + THREADS_POST),
    *rows("threads", "wait", "film", failed_container, THREADS_CONTAINER),
)
ROWS = (*FACEBOOK, *INSTAGRAM, *THREADS)


def names(key: str) -> tuple[str, ...]:
    """What a Graph error may be called in the brokers' tables, the most precise first."""
    code, _, subcode = key.partition("/")
    return (key, f"*/{subcode}", code) if subcode else (key,)
