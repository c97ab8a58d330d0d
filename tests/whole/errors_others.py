"""Errors of X, LinkedIn, TikTok and YouTube."""

from __future__ import annotations

from brokers.sandbox import linkedin, tiktok, twitter, youtube
from tests.whole.errors import Answer, by_state, documented, rows

#: docs.x.com/x-api/fundamentals/response-codes-and-errors
TWITTER_POST = """
    duplicate-content           | content   | PUBLISH_FAILED      | look there first
    text-too-long               | content   | CONTENT_TOO_LONG    | platformOverrides.twitter.text
    video-too-long              | content   | MEDIA_UPLOAD_FAILED | Cut the video
    invalid-media               | transient | MEDIA_UPLOAD_FAILED | tries again by itself
    account-suspended           | identity  | PUBLISH_FAILED      | appeal on x.com
    account-locked              | identity  | PUBLISH_FAILED      | log in on x.com, pass the check
    looks-automated             | identity  | PUBLISH_FAILED      | spam
    daily-limit                 | limit     | PUBLISH_FAILED      | retry tomorrow
    invalid-request             | content   | PLATFORM_ERROR      | change what the message names
    resource-unavailable        | transient | PUBLISH_FAILED      | tries again by itself
    disallowed-resource         | content   | PUBLISH_FAILED      | rules do not allow
    not-authorized-for-resource | identity  | PUBLISH_FAILED      | check it on x.com
    not-authorized-for-field    | config    | INVALID_CONFIG      | operator must correct the app's set-up
    field-unauthorized          | config    | INVALID_CONFIG      | operator must correct the app's set-up
    field-hydration-failure     | transient | PUBLISH_FAILED      | tries again by itself
    client-forbidden            | config    | INVALID_CONFIG      | belong to a project
    unsupported-authentication  | config    | INVALID_CONFIG      | operator must correct the app's set-up
    oauth1-permissions          | config    | INVALID_CONFIG      | Read and write permission
    usage-capped, credits, 402  | config    | INVALID_CONFIG      | raise the app's credits
    rate-limit-exceeded, 429    | quota     | PUBLISH_FAILED      | tries again by itself
    internal-error              | transient | PLATFORM_ERROR      | tries again by itself
    401                         | auth      | AUTH_EXPIRED        | Connect the X account again
    403                         | unknown   | PLATFORM_ERROR      | X gave no reason
"""
TWITTER_UPLOAD = """
    413                | content   | MEDIA_UPLOAD_FAILED | make it smaller
    resource-not-found | transient | MEDIA_UPLOAD_FAILED | tries again by itself
"""
REFRESH = """
    invalid_grant | auth | REFRESH_TOKEN_EXPIRED | Connect the account again
"""
TWITTER_REFRESH = """
    invalid_request                     | auth   | REFRESH_TOKEN_EXPIRED | Connect the account again
    invalid_client, unauthorized_client | config | INVALID_CONFIG        | TWITTER_CLIENT_ID
"""
TWITTER_PROCESSING = """
    InvalidMedia | content | MEDIA_UPLOAD_FAILED | H.264 and AAC
"""


def x_processing(key: str) -> Answer:
    """The status of a video that X could not process."""
    error = {"code": 1, "name": key, "message": "Unsupported video format"}
    return 200, {}, {"data": {"id": "1", "processing_info": {"state": "failed", "error": error}}}


UNDOCUMENTED = """
    something_new | unknown | PLATFORM_ERROR | Read the message
"""


def x_new(key: str) -> Answer:
    return 400, {}, {"type": f"https://api.x.com/2/problems/{key}", "title": "New", "detail": "A new reason.", "status": 400}


TWITTER = (
    *rows("twitter", "publish", "text", x_new, UNDOCUMENTED),
    *rows("twitter", "publish", "text", documented(twitter.errors), TWITTER_POST),
    *rows("twitter", "upload", "photo", documented(twitter.errors), TWITTER_UPLOAD),
    *rows("twitter", "wait", "film", x_processing, TWITTER_PROCESSING),
    *rows("twitter", "token", "text", documented(twitter.errors), REFRESH + TWITTER_REFRESH),
)

#: learn.microsoft.com/linkedin/shared/api-guide/concepts/error-handling
LINKEDIN_POST = """
    65600, 65602, EXPIRED_ACCESS_TOKEN, 401    | auth      | AUTH_EXPIRED        | Connect the LinkedIn account again
    65601, REVOKED_ACCESS_TOKEN                | auth      | AUTH_REVOKED        | Connect the LinkedIn account again
    100, ACCESS_DENIED, 403                    | config    | INVALID_CONFIG      | Share on LinkedIn
    DUPLICATE_POST                             | content   | PUBLISH_FAILED      | feed/update/urn:li:share:70000001/
    FIELD_LENGTH_TOO_LONG                      | content   | CONTENT_TOO_LONG    | platformOverrides.linkedin.text
    INVALID_URN_TYPE, INVALID_URN_ID           | content   | PLATFORM_ERROR      | change what the message names
    MISSING_FIELD, UNPERMITTED_FIELD, 400, 422 | content   | PLATFORM_ERROR      | change what the message names
    INVALID_CONTENT_OWNERSHIP                  | transient | MEDIA_UPLOAD_FAILED | tries again by itself
    MEDIA_ASSET_WAITING_UPLOAD                 | transient | MEDIA_UPLOAD_FAILED | tries again by itself
    MEDIA_ASSET_PROCESSING_FAILED              | content   | MEDIA_UPLOAD_FAILED | Encode the video as MP4
    NONEXISTENT_VERSION, VERSION_MISSING, 426  | config    | INVALID_CONFIG      | LINKEDIN_API_VERSION
    404                                        | content   | PUBLISH_FAILED      | upload the media again
    CONFLICT, 409                              | transient | PUBLISH_FAILED      | tries again by itself
    429                                        | late      | PUBLISH_FAILED      | midnight UTC
"""
LINKEDIN_PROCESSING = """
    PROCESSING_FAILED | content | MEDIA_UPLOAD_FAILED | 3 seconds to 30 minutes
"""
LINKEDIN_REFRESH = """
    invalid_request                                           | auth   | REFRESH_TOKEN_EXPIRED | Connect the account again
    invalid_client, unauthorized_client, invalid_redirect_uri | config | INVALID_CONFIG        | LINKEDIN_CLIENT_ID
"""


def linkedin_processing(key: str) -> Answer:
    return 200, {}, {"id": "urn:li:video:1", "status": key}


def linkedin_new(key: str) -> Answer:
    return 405, {}, {"message": "A new reason.", "status": 405, "code": key}


LINKEDIN = (
    *rows("linkedin", "publish", "text", linkedin_new, UNDOCUMENTED),
    *rows("linkedin", "publish", "text", documented(linkedin.errors), LINKEDIN_POST),
    *rows("linkedin", "wait", "film", linkedin_processing, LINKEDIN_PROCESSING),
    *rows("linkedin", "token", "text", documented(linkedin.errors), REFRESH + LINKEDIN_REFRESH),
)

#: developers.tiktok.com/doc/content-posting-api-reference-direct-post
TIKTOK_POST = """
    access_token_invalid                               | auth     | AUTH_EXPIRED   | Connect the TikTok account again
    scope_not_authorized, scope_permission_missed      | auth     | AUTH_REVOKED   | allow everything
    token_not_authorized_for_specified_publish_id      | auth     | AUTH_REVOKED   | Connect the TikTok account again
    rate_limit_exceeded                                | quota    | PLATFORM_ERROR | tries again by itself
    spam_risk_too_many_posts                           | limit    | PLATFORM_ERROR | call posts_retry tomorrow
    spam_risk_too_many_pending_share                   | limit    | PLATFORM_ERROR | finish or delete them
    reached_active_user_cap                            | limit    | PLATFORM_ERROR | number of users for a day
    spam_risk_user_banned_from_posting                 | identity | PUBLISH_FAILED | Open the TikTok app
    spam_risk_text, spam_risk                          | content  | PUBLISH_FAILED | took this post for spam
    unaudited_client_can_only_post_to_private_accounts | config   | INVALID_CONFIG | has not audited this app
    url_ownership_unverified                           | config   | INVALID_CONFIG | verify the domain
    privacy_level_option_mismatch                      | content  | PUBLISH_FAILED | privacyLevel
    invalid_param, invalid_params                      | content  | PLATFORM_ERROR | change what the message names
    invalid_publish_id                                 | unknown  | PLATFORM_ERROR | Look at the account
"""
TIKTOK_FAULT = """
    internal_error | {} | {} | {}
"""
TIKTOK_BYTES = """
    upload_refused | transient | PUBLISH_FAILED | tries again by itself
"""
TIKTOK_FAILED = """
    file_format_check_failed                    | content  | MEDIA_UPLOAD_FAILED | H.264 is safest
    duration_check_failed                       | content  | MEDIA_UPLOAD_FAILED | Cut the video
    frame_rate_check_failed                     | content  | MEDIA_UPLOAD_FAILED | 23 to 60 frames
    picture_size_check_failed                   | content  | MEDIA_UPLOAD_FAILED | 360 to 4096 pixels
    internal                                    | content  | MEDIA_UPLOAD_FAILED | call posts_retry
    video_pull_failed, photo_pull_failed        | content  | MEDIA_UPLOAD_FAILED | AMPOST_PUBLIC_URL is reachable
    publish_cancelled                           | content  | PUBLISH_FAILED      | cancelled in TikTok
    auth_removed                                | identity | AUTH_REVOKED        | Connect the TikTok account again
    spam_risk_too_many_posts                    | content  | PUBLISH_FAILED      | call posts_retry tomorrow
    spam_risk_user_banned_from_posting          | identity | PUBLISH_FAILED      | Open the TikTok app
    spam_risk_text, spam_risk, something_new    | content  | PUBLISH_FAILED      | TikTok app
"""
TIKTOK_REFRESH = """
    access_denied                                         | auth   | REFRESH_TOKEN_EXPIRED | Connect the account again
    invalid_client, unauthorized_client                   | config | INVALID_CONFIG        | TIKTOK_CLIENT_KEY
    invalid_request, invalid_scope, unsupported_grant_type | config | INVALID_CONFIG       | developers.tiktok.com
"""


def with_200(key: str) -> Answer:
    """TikTok may say no with HTTP 200."""
    return 200, {}, tiktok.errors()[key][2]


def tiktok_new(key: str) -> Answer:
    return 400, {}, {"data": {}, "error": {"code": key, "message": "A new reason.", "log_id": "1"}}


TIKTOK = (
    *rows("tiktok", "publish", "photo", tiktok_new, UNDOCUMENTED),
    *rows("tiktok", "publish", "photo", documented(tiktok.errors), TIKTOK_POST),
    *rows(
        "tiktok", "publish", "photo", with_200, TIKTOK_FAULT.format("unclear", "PUBLISH_OUTCOME_UNKNOWN", "Look at the account")
    ),
    *rows("tiktok", "upload", "film", with_200, TIKTOK_FAULT.format("transient", "PLATFORM_ERROR", "tries again by itself")),
    *rows("tiktok", "publish", "film", lambda key: (403, {}, {}), TIKTOK_BYTES),
    *rows("tiktok", "fail_reason", "film", by_state, TIKTOK_FAILED),
    *rows("tiktok", "token", "photo", documented(tiktok.errors), REFRESH + TIKTOK_REFRESH),
)

#: developers.google.com/youtube/v3/docs/errors
YOUTUBE_UPLOAD = """
    authError, required                                                 | auth      | AUTH_EXPIRED   | Connect the YouTube account
    insufficientPermissions                                             | auth      | AUTH_REVOKED   | allow everything
    authenticatedUserAccountClosed, authenticatedUserAccountSuspended   | identity  | AUTH_REVOKED   | Open YouTube Studio
    youtubeSignupRequired                                               | identity  | PUBLISH_FAILED | Create a YouTube channel
    forbidden                                                           | identity  | PUBLISH_FAILED | Open YouTube Studio
    accessNotConfigured                                                 | config    | INVALID_CONFIG | enable the YouTube Data API
    quotaExceeded, dailyLimitExceeded                                   | limit     | PLATFORM_ERROR | midnight Pacific Time
    rateLimitExceeded, userRateLimitExceeded, uploadRateLimitExceeded   | quota     | PLATFORM_ERROR | tries again by itself
    uploadLimitExceeded                                                 | limit     | PLATFORM_ERROR | call posts_retry tomorrow
    invalidTitle                                                        | content   | PUBLISH_FAILED | settings.title
    invalidDescription                                                  | content   | PUBLISH_FAILED | settings.description
    invalidTags                                                         | content   | PUBLISH_FAILED | settings.tags
    invalidCategoryId                                                   | content   | PUBLISH_FAILED | settings.categoryId
    invalidPublishAt                                                    | content   | PUBLISH_FAILED | settings.publishAt
    invalidVideoMetadata                                                | content   | PUBLISH_FAILED | a title and a category
    invalidFilename                                                     | content   | PUBLISH_FAILED | another file name
    forbiddenPrivacySetting                                             | content   | PUBLISH_FAILED | settings.privacyStatus
    forbiddenLicenseSetting                                             | content   | PUBLISH_FAILED | licence
    mediaBodyRequired, missingRequiredParameter, unexpectedParameter    | unknown   | PLATFORM_ERROR | Report this
    unexpectedPart, badRequest                                          | unknown   | PLATFORM_ERROR | Report this
    invalidImage                                                        | content   | PUBLISH_FAILED | JPEG or PNG
    videoNotFound                                                       | content   | PUBLISH_FAILED | no longer on YouTube
    backendError                                                        | transient | PLATFORM_ERROR | tries again by itself
"""
YOUTUBE_BYTES = """
    sessionGone | transient | PUBLISH_FAILED | tries again by itself
"""
YOUTUBE_VERDICTS = """
    failed/conversion, failed/invalidFile, failed/codec, failed/new         | content  | MEDIA_UPLOAD_FAILED | H.264
    failed/emptyFile                                                        | content  | MEDIA_UPLOAD_FAILED | is empty
    failed/tooSmall                                                         | content  | MEDIA_UPLOAD_FAILED | too small
    failed/uploadAborted                                                    | content  | MEDIA_UPLOAD_FAILED | posts_retry
    rejected/copyright, rejected/claim, rejected/trademark, rejected/legal  | content  | PUBLISH_FAILED      | YouTube Studio
    rejected/inappropriate, rejected/termsOfUse, rejected/new               | content  | PUBLISH_FAILED      | YouTube Studio
    rejected/duplicate                                                      | content  | PUBLISH_FAILED      | already has this
    rejected/length                                                         | content  | PUBLISH_FAILED      | youtube.com/verify
    rejected/uploaderAccountClosed, rejected/uploaderAccountSuspended       | identity | PUBLISH_FAILED      | YouTube Studio
    deleted                                                                 | content  | PUBLISH_FAILED      | Someone deleted
"""
YOUTUBE_REFRESH = """
    invalid_token                                              | auth   | REFRESH_TOKEN_EXPIRED | Connect the account again
    invalid_client, unauthorized_client, redirect_uri_mismatch | config | INVALID_CONFIG        | YOUTUBE_CLIENT_ID
    invalid_request, invalid_scope                             | config | INVALID_CONFIG        | Google Cloud console
"""


def youtube_new(key: str) -> Answer:
    return 400, {}, {"error": {"code": 400, "message": "A new reason.", "errors": [{"reason": key, "message": "A new reason."}]}}


YOUTUBE = (
    *rows("youtube", "upload", "film", youtube_new, UNDOCUMENTED),
    *rows("youtube", "upload", "film", documented(youtube.errors), YOUTUBE_UPLOAD),
    *rows("youtube", "publish", "film", lambda key: (404, {}, None), YOUTUBE_BYTES),
    *rows("youtube", "verdict", "film", by_state, YOUTUBE_VERDICTS),
    *rows("youtube", "token", "film", documented(youtube.errors), REFRESH + YOUTUBE_REFRESH),
)
ROWS = (*TWITTER, *LINKEDIN, *TIKTOK, *YOUTUBE)
