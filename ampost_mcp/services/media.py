"""Media files: what users upload, what is fetched from their URLs for a post, and what is converted for a platform."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
from anyio import CapacityLimiter

from ampost_mcp.context import App
from ampost_mcp.services import addresses, fetching, probing
from brokers.accepts import Accepts
from brokers.base import LocalFile
from brokers.errors import PlatformError
from storage import media_files
from storage.tables import MediaFile, new_id

UPLOAD_TYPES = ("image/jpeg", "image/png", "image/webp", "video/mp4", "video/quicktime")
#: How long a file that no post uses is kept.
KEEP_UNUSED = timedelta(days=1)
#: Images that are unpacked at the same time.
CONVERSIONS = 2

_OWN_PATH = re.compile(r"/media/([\w-]{32,64})/[^/]+")


@dataclass(frozen=True)
class Source:
    """`brokers.base.MediaSource` of one item of a post, for one platform. `item` has the wire's names."""

    app: App
    user_id: str
    post_id: str
    item: Mapping[str, Any]
    accepts: Accepts
    note: Callable[[str], None]

    async def file(self) -> LocalFile:
        row = await self._ready()
        return LocalFile(path_of(self.app, row), row.size_bytes, row.mime_type, row.sha256)

    async def url(self) -> str:
        """The user's own URL, unless the file is ours or has to be converted first."""
        if not self._may_convert() and await self._upload() is None:
            return str(self.item["url"])
        row = await self._ready()
        return str(self.item["url"]) if row.source_url else address_of(self.app, row)

    def _may_convert(self) -> bool:
        declared = self.item.get("mimeType") if self.item.get("explicit", True) else None
        return bool(self.accepts.converts) and self.item.get("type") != "video" and (
            declared is None or declared in self.accepts.converts
        )  # fmt: skip

    async def _upload(self) -> MediaFile | None:
        found = _OWN_PATH.fullmatch(urlsplit(str(self.item["url"])).path)
        return await self.app.db.read_quick(media_files.own, self.user_id, found[1]) if found else None

    async def _ready(self) -> MediaFile:
        """The item on this disk, in a type that the platform takes."""
        row = await self._upload() or await self._copy()
        self._check_kind(row)
        target = self.accepts.converts.get(row.mime_type)
        if target is None:
            self._check_size(row)
            return row
        made = await self._converted(row, target)
        self.note(f"Converted from {row.mime_type} to {target} for {self.accepts.title}.")
        return made

    async def _copy(self) -> MediaFile:
        url = str(self.item["url"])
        async with _one_at_a_time(self.app, f"{self.post_id} {url}"):
            kept = await self.app.db.read(media_files.fetched, self.user_id, self.post_id, url)
            if kept is not None and path_of(self.app, kept).exists():
                return kept
            allow = addresses.allowed(self.app.settings.media_allow)
            name = str(self.item.get("filename") or urlsplit(url).path.rpartition("/")[2])
            async with new_path(self.app) as path:
                got = await fetching.fetch(url, path, allow=allow)
                try:
                    return await keep(self.app, self.user_id, got, name, post_id=self.post_id, source_url=url)
                except probing.Unsupported as error:
                    raise unusable(f"{name or 'The media'}: {error}.") from error

    async def _converted(self, row: MediaFile, target: str) -> MediaFile:
        most = self._most_bytes()
        async with _one_at_a_time(self.app, f"{row.id} {target}"):
            kept = await self.app.db.read(media_files.converted, self.user_id, row.id, target, most)
            if kept is not None and path_of(self.app, kept).exists():
                return kept
            async with new_path(self.app) as into:
                try:
                    await _on_thread(self.app, probing.to_jpeg, path_of(self.app, row), into, most)
                except probing.Unsupported as error:
                    raise unusable(f"{row.filename} cannot go to {self.accepts.title}: {error}.") from error
                made = await anyio.to_thread.run_sync(fetching.measure, into)
                return await keep(self.app, self.user_id, made, row.filename, post_id=self.post_id, made_from=row.id)

    def _check_kind(self, row: MediaFile) -> None:
        kind = self.item.get("type", "image")
        taken = self.accepts.kinds.get(kind)
        family = "video/" if kind == "video" else "image/"
        if not row.mime_type.startswith(family) or (
            taken and self.accepts.converts.get(row.mime_type, row.mime_type) not in taken.mime_types
        ):
            raise unusable(f"{row.filename} is {row.mime_type}, which {self.accepts.title} does not take as {kind}.")

    def _check_size(self, row: MediaFile) -> None:
        most = self._most_bytes()
        if most is not None and row.size_bytes > most:
            raise unusable(f"{row.filename} has {row.size_bytes} bytes, {self.accepts.title} takes {most} at the most.")

    def _most_bytes(self) -> int | None:
        taken = self.accepts.kinds.get(self.item.get("type", "image"))
        return taken.limits.max_bytes if taken else None


def source_for(
    app: App, user_id: str, post_id: str, item: Mapping[str, Any], accepts: Accepts, note: Callable[[str], None]
) -> Source:
    """Where an item of a post comes from. `note` hears what the user should know (a conversion)."""
    return Source(app, user_id, post_id, item, accepts, note)


def unusable(message: str) -> PlatformError:
    return PlatformError(
        message, kind="content", code="MEDIA_UPLOAD_FAILED", broker_code=None,
        hint="Replace the file in content.media and create the post again.",
    )  # fmt: skip


def path_of(app: App, file: MediaFile) -> Path:
    return app.settings.media_dir / file.id


def address_of(app: App, file: MediaFile) -> str:
    return f"{app.settings.address}/media/{file.secret}/{file.filename}"


@asynccontextmanager
async def new_path(app: App) -> AsyncIterator[Path]:
    """Where a file may be written to until it is kept; what was not kept is gone afterwards."""
    folder = app.settings.media_dir / "incoming"
    await anyio.Path(folder).mkdir(parents=True, exist_ok=True)
    path = folder / new_id()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@asynccontextmanager
async def new_folder(app: App) -> AsyncIterator[Path]:
    """A folder for several such files, gone afterwards with all that is in it."""
    folder = app.settings.media_dir / "incoming" / new_id()
    await anyio.Path(folder).mkdir(parents=True)
    try:
        yield folder
    finally:
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


async def keep(
    app: App, user_id: str, got: fetching.Fetched, name: str, *, types: tuple[str, ...] | None = None, **more: Any
) -> MediaFile:
    """Takes a received file in: judges it, moves it to its place, records it. Raises Unsupported, also for a type that
    is not among `types`."""
    probe = await _on_thread(app, probing.probe, got.path)
    if types is not None and probe.mime_type not in types:
        raise probing.Unsupported(f"it is {probe.mime_type}, not one of {', '.join(types)}")
    row = MediaFile(
        user_id=user_id, secret=secrets.token_urlsafe(24), filename=safe_name(name, probe.mime_type),
        mime_type=probe.mime_type, size_bytes=got.size_bytes, sha256=got.sha256, width=probe.width, height=probe.height,
        duration_seconds=probe.duration_seconds, created_at=app.clock(), **more,
    )  # fmt: skip
    await anyio.to_thread.run_sync(_settle, got.path, path_of(app, row))
    return await app.db.write(media_files.add, row)


async def forget(app: App, files: Iterable[MediaFile]) -> None:
    """Takes files back that were kept a moment ago."""
    for file in files:
        await app.db.write(media_files.remove, file.user_id, file.id)
        path_of(app, file).unlink(missing_ok=True)


def _settle(source: Path, target: Path) -> None:
    """Moves a file once its bytes are on disk: what is recorded afterwards is really there."""
    descriptor = os.open(source, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.replace(target)


def safe_name(name: str, mime_type: str) -> str:
    """A file name for a URL: plain characters, and the extension that the content has."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", re.split(r"[/\\]", name)[-1].rpartition(".")[0] or name).strip("-")
    return f"{stem[:80] or 'media'}.{probing.EXTENSIONS[mime_type]}"


async def clear_unused(app: App) -> int:
    """Clears uploads that no post uses, copies that no publish needs, and files that nobody recorded, once they are a
    day old. Answers how many went."""
    before = app.clock() - KEEP_UNUSED
    gone = 0
    for id in await app.db.read(media_files.unused, before):
        if await app.db.write(media_files.remove_unused, id):
            gone += 1
    known = await app.db.read(media_files.known_ids)
    return gone + await anyio.to_thread.run_sync(_clear, app.settings.media_dir, known, before.timestamp())


def _clear(folder: Path, known: set[str], before: float) -> int:
    """Unlinks old files without a record; those just forgotten are among them once they are old."""
    gone = 0
    for path in (*folder.glob("*"), *folder.glob("incoming/**/*")):
        if path.is_file() and path.name not in known and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _one_at_a_time(app: App, name: str) -> asyncio.Lock:
    locks: WeakValueDictionary[str, asyncio.Lock] = app.extras.setdefault("media_locks", WeakValueDictionary())
    lock = locks.get(name)
    if lock is None:
        lock = locks[name] = asyncio.Lock()
    return lock


async def _on_thread(app: App, do: Callable[..., Any], *arguments: Any) -> Any:
    limiter = app.extras.setdefault("media_threads", CapacityLimiter(CONVERSIONS))
    return await anyio.to_thread.run_sync(do, *arguments, limiter=limiter)
