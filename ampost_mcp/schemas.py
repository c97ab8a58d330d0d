"""What goes over the wire, for MCP and REST alike: camelCase there, snake_case here, nothing unknown or coerced."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from ampost_mcp.fields import MAX_NUMBER, Absent, Id, Keep, Name, Settings, Text, Time, Timestamp, Url, write_time
from ampost_mcp.parsing import nest_content, parse

__all__ = ["nest_content", "parse", "write_time"]

PlatformKey = Literal["facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube"]
PostStatus = Literal["draft", "scheduled", "queued", "posting", "published", "partial", "failed", "discarded"]
PlatformStatus = Literal["pending", "uploading", "processing", "publishing", "published", "failed", "cancelled"]
MAX_MEDIA, MAX_SEARCH = 100, 500


def _once(found: list[Any]) -> list[Any]:
    return list(dict.fromkeys(found))


Platforms = Annotated[list[PlatformKey], Field(max_length=100), AfterValidator(_once)]
Pixels = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, validate_by_alias=True, validate_by_name=True,
        allow_inf_nan=False,
    )  # fmt: skip


# -- arguments -------------------------------------------------------------------------------------------------------


class PostMedia(Wire):
    """A typed media item. Give type, mimeType and sizeBytes, and durationSeconds of a video: TikTok, YouTube and
    LinkedIn video need them."""

    id: Text | None = None
    type: Literal["image", "video", "gif"]
    url: Url
    filename: Annotated[Text, Field(max_length=255)] | None = Field(
        None, validation_alias=AliasChoices("filename", "fileName"), serialization_alias="filename"
    )
    mime_type: Annotated[Text, Field(max_length=100)] | None = None
    size_bytes: Annotated[int, Field(ge=1, le=MAX_NUMBER)] | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    duration_seconds: Annotated[float, Field(ge=0, le=MAX_NUMBER)] | None = None
    alt_text: Text | None = None
    thumbnail_url: Url | None = None


class Override(Wire):
    """What one platform gets instead: its own text, its own settings."""

    text: Text | None = None
    settings: Settings | None = None


Media = Annotated[list[PostMedia], Field(max_length=MAX_MEDIA)]
MediaUrls = Annotated[list[Url], Field(max_length=MAX_MEDIA, description="Bare URLs; prefer media.")]
Overrides = dict[PlatformKey, Override]


class Content(Wire):
    model_config = ConfigDict(json_schema_extra={"required": ["text"]})

    text: Text = ""
    media: Media | None = None
    media_urls: MediaUrls | None = None
    link_url: Url | None = None
    platform_overrides: Overrides | None = None


class ContentPatch(Wire):
    text: Annotated[Text | None, Keep] = None
    media: Annotated[Media | None, Keep] = None
    media_urls: Annotated[MediaUrls | None, Keep] = None
    link_url: Url | None = None
    platform_overrides: Annotated[Overrides | None, Keep] = None


class PostCreate(Wire):
    model_config = ConfigDict(json_schema_extra={"required": ["content", "platforms", "platformSetId"]})

    content: Content = Field(default_factory=Content)
    platforms: Annotated[Platforms | None, Absent] = Field(default_factory=list)
    scheduled_for: Timestamp | None = Field(None, description="A future time; leave it out for a draft.")
    platform_set_id: Annotated[Id | None, Absent] = Field(None, description="platform_sets_list shows yours.")


class PostRef(Wire):
    post_id: Id


class PostUpdate(PostRef):
    content: Annotated[ContentPatch | None, Keep] = None
    platforms: Annotated[Platforms | None, Absent] = None
    scheduled_for: Timestamp | None = Field(None, description="Null makes it a draft again.")
    platform_set_id: Annotated[Id | None, Keep] = None


class PostRetry(PostRef):
    platforms: Platforms | None = Field(None, description="Only these failed platforms; all of them when left out.")
    acknowledge_duplicate_risk: bool = False


class PostList(Wire):
    status: PostStatus | None = None
    platform: PlatformKey | None = None
    platform_set_id: Id | None = None
    search: Annotated[Text, Field(max_length=MAX_SEARCH)] | None = Field(None, description="Part of a text or title.")
    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=10**9)


class AccountList(Wire):
    platform: PlatformKey | None = None
    platform_set_id: Id | None = None


class AccountRef(Wire):
    account_id: Id


class NoArgs(Wire):
    pass


class SetCreate(Wire):
    name: Name = Field(min_length=1, max_length=50)


class SetRef(Wire):
    platform_set_id: Id


class SetUpdate(SetRef):
    name: Annotated[Name | None, Keep] = Field(None, min_length=1, max_length=50)
    is_default: Annotated[Literal[True] | None, Keep] = Field(None, description="True makes it the default set.")


class KeyCreate(Wire):
    name: Name = Field(min_length=1, max_length=100)


class KeyRef(Wire):
    key_id: Id


# -- results: dictionaries with the wire's own names, because a model a row would cost more than the query -----------


class PublishError(TypedDict):
    code: str
    brokerCode: str | None
    message: str
    hint: str | None
    retryable: bool


class PlatformPost(TypedDict):
    """A post's life on one platform. `notes` says what was done to fit it in (a converted image)."""

    id: str
    platform: str
    accountId: str | None
    status: PlatformStatus
    platformPostId: str | None
    url: str | None
    publishedAt: Time | None
    attempts: int
    updatedAt: Time
    error: PublishError | None
    notes: NotRequired[list[str]]


class Post(TypedDict):
    id: str
    userId: str
    platformSetId: str
    text: str
    media: list[dict[str, Any]]
    linkUrl: str | None
    platformOverrides: dict[str, dict[str, Any]]
    platforms: list[str]
    platformPosts: list[PlatformPost]
    status: PostStatus
    scheduledFor: Time | None
    publishedAt: Time | None
    createdAt: Time
    updatedAt: Time


class TokenHealth(TypedDict):
    state: Literal["ok", "expiring", "expired", "reconnect_required"]
    expiresAt: Time | None
    lastRefreshedAt: Time | None
    lastError: str | None


class Account(TypedDict):
    id: str
    userId: str
    platform: str
    platformSetId: str | None
    platformAccountId: str
    username: str | None
    displayName: str | None
    avatarUrl: str | None
    status: Literal["active", "expired", "revoked"]
    scopes: list[str]
    tokenHealth: TokenHealth
    metadata: dict[str, Any]
    createdAt: Time
    updatedAt: Time


class PlatformSet(TypedDict):
    id: str
    userId: str
    name: str
    isDefault: bool
    createdAt: Time
    updatedAt: Time
    connectionCount: int


class Key(TypedDict):
    id: str
    name: str
    prefix: str
    createdAt: Time
    lastUsedAt: Time | None
    revokedAt: Time | None


class PostOut(Wire):
    post: Post


class PostsOut(Wire):
    posts: list[Post]
    limit: int
    offset: int
    has_more: bool


class AccountOut(Wire):
    account: Account


class AccountsOut(Wire):
    accounts: list[Account]


class SetOut(Wire):
    set: PlatformSet


class SetsOut(Wire):
    sets: list[PlatformSet]


class KeysOut(Wire):
    keys: list[Key]


class KeyCreated(Wire):
    key: Key
    raw_key: str


class Success(Wire):
    success: bool = True
