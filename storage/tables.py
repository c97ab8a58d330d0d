"""The tables. Times are UTC, tokens are sealed (see `storage.sealing`), JSON columns hold plain JSON values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, MetaData, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata

#: A sequence that SQLite can make a rowid alias of.
Sequence = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored and returned in UTC. SQLite has no offsets, so it keeps the UTC wall clock."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        value = value.astimezone(UTC)  # a naive value is a programming error: refuse it below
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def new_id() -> str:
    return str(uuid4())


def now_utc() -> datetime:
    return datetime.now(UTC)


def _id() -> Any:
    return Field(default_factory=new_id, primary_key=True, max_length=36)


def _ref(target: str, *, index: bool = False, nullable: bool = False) -> Any:
    arguments = (ForeignKey(target, ondelete="CASCADE"),)
    return Field(
        default=None if nullable else ...,
        max_length=36,
        index=index,
        sa_column_args=arguments,
        nullable=nullable,
    )


def _at(*, nullable: bool = False) -> Any:
    if nullable:
        return Field(default=None, sa_type=UtcDateTime, nullable=True)
    return Field(default_factory=now_utc, sa_type=UtcDateTime)


def _json(factory: Any = dict) -> Any:
    return Field(default_factory=factory, sa_type=JSON)


class User(SQLModel, table=True):
    """Somebody who owns posts. `owner_tag` is three characters that mark this user's rows in the search index."""

    __tablename__ = "users"
    id: str = _id()
    email: str = Field(unique=True, max_length=320)
    tier: str = Field(default="pro", max_length=8)
    password_hash: str | None = None
    supabase_sub: str | None = Field(default=None, unique=True, max_length=64)
    owner_tag: str = Field(unique=True, max_length=3)
    created_at: datetime = _at()


class ApiKey(SQLModel, table=True):
    """A bearer key. `prefix` (with `amp_live_`) finds it, `hash` is SHA-256 of the raw key in hex."""

    __tablename__ = "api_keys"
    id: str = _id()
    user_id: str = _ref("users.id", index=True)
    name: str = Field(max_length=100)
    prefix: str = Field(unique=True, max_length=24)
    hash: str = Field(max_length=64)
    created_at: datetime = _at()
    last_used_at: datetime | None = _at(nullable=True)
    revoked_at: datetime | None = _at(nullable=True)


class PlatformSet(SQLModel, table=True):
    __tablename__ = "platform_sets"
    id: str = _id()
    user_id: str = _ref("users.id", index=True)
    name: str = Field(max_length=50)
    is_default: bool = False
    created_at: datetime = _at()
    updated_at: datetime = _at()
    __table_args__ = (
        Index("ux_default_set", "user_id", unique=True, sqlite_where=text("is_default"),
              postgresql_where=text("is_default")),
    )  # fmt: skip


class Account(SQLModel, table=True):
    """A connected identity. `blocked_until` is the account's breaker; `lease_*` serialises token refreshes."""

    __tablename__ = "accounts"
    id: str = _id()
    user_id: str = _ref("users.id", index=True)
    platform_set_id: str | None = Field(default=None, max_length=36, index=True)
    platform: str = Field(max_length=16)
    platform_account_id: str = Field(max_length=128)
    username: str | None = Field(default=None, max_length=200)
    display_name: str | None = Field(default=None, max_length=300)
    avatar_url: str | None = None
    status: str = Field(default="active", max_length=8)
    scopes: list[str] = _json(list)
    access_token: str | None = None
    refresh_token: str | None = None
    token_expires_at: datetime | None = _at(nullable=True)
    refresh_expires_at: datetime | None = _at(nullable=True)
    last_refreshed_at: datetime | None = _at(nullable=True)
    last_error: str | None = None
    reconnect_required: bool = False
    details: dict[str, Any] = _json()
    blocked_until: datetime | None = _at(nullable=True)
    lease_owner: str | None = Field(default=None, max_length=64)
    lease_until: datetime | None = _at(nullable=True)
    created_at: datetime = _at()
    updated_at: datetime = _at()
    __table_args__ = (
        Index("ux_account_slot", "platform_set_id", "platform", unique=True,
              sqlite_where=text("status <> 'revoked'"), postgresql_where=text("status <> 'revoked'")),
    )  # fmt: skip


class Post(SQLModel, table=True):
    """A post. `seq` orders posts by creation; `search` is what a text search looks at."""

    __tablename__ = "posts"
    seq: int | None = Field(default=None, primary_key=True, sa_type=Sequence)
    id: str = Field(default_factory=new_id, unique=True, max_length=36)
    user_id: str = _ref("users.id")
    platform_set_id: str = Field(max_length=36)
    text: str = ""
    media: list[dict[str, Any]] = _json(list)
    link_url: str | None = None
    overrides: dict[str, Any] = _json()
    platforms: list[str] = _json(list)
    status: str = Field(default="draft", max_length=12)
    scheduled_for: datetime | None = _at(nullable=True)
    published_at: datetime | None = _at(nullable=True)
    created_at: datetime = _at()
    updated_at: datetime = _at()
    search: str = ""
    owner_tag: str = Field(default="", max_length=3)
    __table_args__ = (
        Index("ix_posts_user", "user_id", "seq"),
        Index("ix_posts_status", "user_id", "status", "seq"),
        Index("ix_posts_set", "user_id", "platform_set_id", "seq"),
    )


class PlatformPost(SQLModel, table=True):
    """A post's life on one platform.

    `next_at` is when a publisher must look at it (null: nothing to do); `owner` the publisher that holds it now;
    `fence` grows with every claim, and every write of a publisher names the fence it claimed with. `attempts` counts
    attempts, `tries` those since a person last asked; `first_try_at` bounds automatic retries.
    """

    __tablename__ = "platform_posts"
    id: str = _id()
    post_id: str = Field(max_length=36, index=True, sa_column_args=(ForeignKey("posts.id", ondelete="CASCADE"),))
    user_id: str = Field(max_length=36)
    post_seq: int = Field(sa_type=BigInteger)
    position: int = 0
    platform: str = Field(max_length=16)
    account_id: str | None = Field(default=None, max_length=36, index=True)
    status: str = Field(default="pending", max_length=12)
    attempts: int = 0
    tries: int = 0
    first_try_at: datetime | None = _at(nullable=True)
    next_at: datetime | None = _at(nullable=True)
    owner: str | None = Field(default=None, max_length=64)
    fence: int = 0
    remote_id: str | None = None
    url: str | None = None
    notes: list[str] = _json(list)
    error: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    published_at: datetime | None = _at(nullable=True)
    created_at: datetime = _at()
    updated_at: datetime = _at()
    __table_args__ = (
        Index("ux_platform_post", "post_id", "platform", unique=True),
        Index("ix_platform_posts_user", "user_id", "platform", "post_seq"),
        Index("ix_due", "next_at", sqlite_where=text("next_at IS NOT NULL"),
              postgresql_where=text("next_at IS NOT NULL")),
        Index("ux_lane", "account_id", unique=True, sqlite_where=text("owner IS NOT NULL"),
              postgresql_where=text("owner IS NOT NULL")),
    )  # fmt: skip


class Step(SQLModel, table=True):
    """The journal: the result of a named step of a platform post's publish."""

    __tablename__ = "steps"
    platform_post_id: str = Field(
        primary_key=True, max_length=36, sa_column_args=(ForeignKey("platform_posts.id", ondelete="CASCADE"),)
    )
    name: str = Field(primary_key=True, max_length=64)
    result: Any = Field(default=None, sa_type=JSON)
    created_at: datetime = _at()


class PublishIntent(SQLModel, table=True):
    """On disk before an irreversible request leaves. One row an attempt, by constraint: a second send cannot be recorded.

    state: open (sent or about to be) · confirmed · rejected (surely refused) · unknown (nobody can tell).
    """

    __tablename__ = "publish_intents"
    id: str = _id()
    platform_post_id: str = Field(max_length=36, sa_column_args=(ForeignKey("platform_posts.id", ondelete="CASCADE"),))
    attempt: int
    step: str = Field(max_length=64)
    fence: int
    state: str = Field(default="open", max_length=10)
    seen: str | None = None
    looks: int = 0
    created_at: datetime = _at()
    closed_at: datetime | None = _at(nullable=True)
    __table_args__ = (
        Index("ux_intent", "platform_post_id", "attempt", unique=True),
        Index(
            "ix_open_intents",
            "state",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )


class IdempotencyKey(SQLModel, table=True):
    """The first answer to a request that carried an idempotency key. `owner` is the process that runs it while
    `answer` is null; the answer is sealed."""

    __tablename__ = "idempotency_keys"
    user_id: str = Field(primary_key=True, max_length=36)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: str = Field(max_length=64)
    owner: str = Field(max_length=64)
    status: int | None = None
    answer: str | None = None
    created_at: datetime = _at()
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class MediaFile(SQLModel, table=True):
    """An uploaded or fetched file below the data folder's `media/`. `secret` is the unguessable part of its URL.
    `source_url` is set for a file fetched from there, `made_from` for one converted from another."""

    __tablename__ = "media_files"
    id: str = _id()
    user_id: str = _ref("users.id", index=True)
    post_id: str | None = Field(default=None, max_length=36, index=True)
    secret: str = Field(unique=True, max_length=64)
    filename: str = Field(max_length=255)
    mime_type: str = Field(max_length=64)
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str = Field(max_length=64)
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    source_url: str | None = None
    made_from: str | None = Field(default=None, max_length=36)
    created_at: datetime = _at()


class WebSession(SQLModel, table=True):
    """A signed-in browser. The cookie's value is not stored, only its SHA-256."""

    __tablename__ = "web_sessions"
    id_hash: str = Field(primary_key=True, max_length=64)
    user_id: str = _ref("users.id", index=True)
    created_at: datetime = _at()
    expires_at: datetime = Field(sa_type=UtcDateTime)


class OAuthState(SQLModel, table=True):
    """A connection under way: good once, for ten minutes, for the session that began it."""

    __tablename__ = "oauth_states"
    state_hash: str = Field(primary_key=True, max_length=64)
    user_id: str = _ref("users.id")
    session: str = Field(max_length=64)
    platform: str = Field(max_length=16)
    platform_set_id: str = Field(max_length=36)
    verifier: str | None = None
    redirect_uri: str
    return_to: str
    created_at: datetime = _at()
    expires_at: datetime = Field(sa_type=UtcDateTime)


class Publisher(SQLModel, table=True):
    """A running publisher; one whose `seen_at` is old is dead, and what it owned is taken over."""

    __tablename__ = "publishers"
    id: str = Field(primary_key=True, max_length=64)
    started_at: datetime = _at()
    seen_at: datetime = _at()


class Breaker(SQLModel, table=True):
    """A platform that did not answer the last `failures` requests, or asked to wait (none); nothing is sent before `until`."""

    __tablename__ = "breakers"
    platform: str = Field(primary_key=True, max_length=16)
    failures: int
    until: datetime | None = _at(nullable=True)
