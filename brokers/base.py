"""What a broker is: data plus plain functions, and the words it shares with the rest of the house.

Nothing here knows how a post is stored or who asked for it. A broker receives an `Account` and a `Draft`, speaks to its
platform through a `PlatformHttp`, and marks with three verbs (`Steps`) what may be repeated and what must not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from pydantic import BaseModel

if TYPE_CHECKING:
    from brokers.errors import ReadError
    from brokers.oauth import OAuth
    from brokers.platform_http import PlatformHttp
    from brokers.rules import Accepts

T = TypeVar("T")
MediaKind = Literal["image", "video", "gif"]


@dataclass(frozen=True)
class LocalFile:
    """A media file on this machine. `sha256` is lower-case hex, `mime_type` is judged by the bytes."""

    path: Path
    size_bytes: int
    mime_type: str
    sha256: str


class MediaSource(Protocol):
    """Where a media item's bytes come from; both methods may fetch, convert and raise `PlatformError`."""

    async def file(self) -> LocalFile:
        """The item as a local file, for platforms that take bytes."""
        ...

    async def url(self) -> str:
        """A public URL that a platform can fetch the item from."""
        ...


@dataclass(frozen=True)
class Media:
    """One media item of a draft. `explicit` is False for a bare `mediaUrls` entry, whose other fields are guesses."""

    kind: MediaKind
    url: str
    filename: str | None = None
    mime_type: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    duration_seconds: float | None = None
    alt_text: str | None = None
    thumbnail_url: str | None = None
    explicit: bool = True
    source: MediaSource | None = field(default=None, repr=False, compare=False)
    thumbnail: MediaSource | None = field(default=None, repr=False, compare=False)

    async def file(self) -> LocalFile:
        assert self.source is not None, "media is only readable while publishing"
        return await self.source.file()

    async def public_url(self) -> str:
        assert self.source is not None, "media is only readable while publishing"
        return await self.source.url()


@dataclass(frozen=True)
class Draft:
    """What one platform is asked to publish: the text with its override applied, media in order, typed settings."""

    text: str
    media: tuple[Media, ...] = ()
    link_url: str | None = None
    settings: BaseModel | None = None
    scheduled_for: datetime | None = None

    @property
    def images(self) -> tuple[Media, ...]:
        return tuple(item for item in self.media if item.kind != "video")

    @property
    def videos(self) -> tuple[Media, ...]:
        return tuple(item for item in self.media if item.kind == "video")


@dataclass(frozen=True)
class Account:
    """A connected identity, with its access token in clear for as long as a call needs it."""

    id: str
    platform_account_id: str
    username: str | None
    access_token: str = field(repr=False)
    display_name: str | None = None
    scopes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Receipt:
    """Proof of a publish: the platform's id of the post and the link a person can open. `notes` are sentences about
    what came out otherwise than asked (a visibility that the platform narrowed, a thumbnail that it did not take)."""

    id: str
    url: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """What is known about an irreversible request whose answer never came.

    `journal` maps step names to their stored results; `started_at` is when the intent was committed; `taken` holds the
    remote ids of this account's other posts, which a look-up must not mistake for this one.
    """

    journal: Mapping[str, Any]
    started_at: datetime
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Sighting:
    """What a read-only look at the platform found after an unclear answer.

    published: it is there, with its receipt.
    not_seen:  it is not there (now); the engine looks again until the broker's settle time is over.
    pending:   the platform is still working on it; look again.
    resume:    the platform's own protocol lets the same handle continue without a second post (YouTube's upload session).
    refused:   the platform says that it failed; `error` is a `PlatformError`.
    """

    state: Literal["published", "not_seen", "pending", "resume", "refused"]
    receipt: Receipt | None = None
    error: Exception | None = None


NOT_SEEN = Sighting("not_seen")
PENDING = Sighting("pending")
RESUME = Sighting("resume")


class Steps(Protocol):
    """The three verbs of publishing. Results are JSON values, journalled under the step's name.

    After a crash or a planned retry `publish` of the broker runs again from its top: steps whose result is in the
    journal answer from there, the others run. Names must be unique within one publish ("image-0", "image-1", ...).
    """

    async def upload(self, name: str, do: Callable[[], Awaitable[T]]) -> T:
        """Something that may be done twice: an upload, a container, a query. Runs again when its result is missing."""
        ...

    async def wait(self, name: str, ask: Callable[[], Awaitable[T | None]], *, every: float, limit: float) -> T:
        """Asks (read-only) every `every` seconds until the answer is not None; gives up `limit` seconds after the
        first time it was asked, which is remembered across restarts, with a transient `PlatformError`."""
        ...

    async def publish(self, name: str, do: Callable[[PlatformHttp], Awaitable[T]]) -> T:
        """The irreversible request. The intent is on disk before `do` runs; `do` gets a `PlatformHttp` that opens a fresh
        connection for each request, and must send exactly one request that can make the post visible.
        Raises `PlatformError` when it was surely refused; an unclear answer never comes back here."""
        ...


@dataclass(frozen=True)
class Profile:
    """Who a token belongs to. `metadata` is non-secret and shown on the account; `access_token` replaces the token that
    asked where a platform hands out a narrower one (Facebook's Page token)."""

    platform_account_id: str
    username: str | None
    display_name: str | None = None
    avatar_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    access_token: str | None = field(default=None, repr=False)


Publish = Callable[["PlatformHttp", Account, Draft, Steps], Awaitable[Receipt]]
Find = Callable[["PlatformHttp", Account, Draft, Attempt], Awaitable[Sighting]]
FetchProfile = Callable[["PlatformHttp", str], Awaitable[list[Profile]]]


@dataclass(frozen=True)
class Broker:
    """One platform. A new one is a file (or folder) that ends in such a row, and a line in `brokers.BROKERS`.

    hosts:    the only hosts that ever see one of this platform's tokens (a leading dot allows subdomains).
    settle:   seconds between looks after an unclear answer; the last look decides.
    profile:  takes an access token, answers every identity it may publish as (Facebook: one a Page), first choice first.
    lanes:    how many publishes may run at once on the whole platform; one account is always one at a time.
    shown:    what `metadata` of every account of it says beside the account's own.
    """

    key: str
    title: str
    accepts: Accepts
    read_error: ReadError
    publish: Publish
    find: Find | None
    profile: FetchProfile
    oauth: OAuth
    hosts: tuple[str, ...]
    settle: tuple[float, ...] = (1, 3, 6, 15, 30)
    lanes: int = 64
    shown: Mapping[str, Any] = field(default_factory=dict)
