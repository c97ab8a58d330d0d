"""Media on this disk, for platforms that take the bytes themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from brokers.base import Media
from tests.brokers.bench import FileSource

#: The first bytes of real files are enough for the simulator, which looks at no more than those.
HEADS = {
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/gif": b"GIF89a",
    "video/mp4": b"\x00\x00\x00\x18ftypmp42",
    "text/plain": b"not a film at all",
}


class Files:
    """Makes media files below a folder, and says how a ledger tells of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, 0

    def media(self, mime_type: str, size: int = 200, *, content: str | None = None, **more: Any) -> Media:
        """An item that declares `mime_type` and, unless `content` says otherwise, is one."""
        self.made += 1
        path = self.folder / str(self.made)
        head = HEADS[content or mime_type]
        path.write_bytes((head + bytes([self.made]) * size)[: max(size, len(head))])
        kind: Any = "gif" if mime_type == "image/gif" else mime_type.partition("/")[0]
        return Media(kind, f"https://media.invalid/{self.made}", source=FileSource(path, mime_type, ""), **more)

    def film(self, size: int = 300, **more: Any) -> tuple[Media]:
        """The media of a post that is one video."""
        return (self.media("video/mp4", size, **more),)

    @staticmethod
    def seen(item: Media) -> dict[str, Any]:
        source = item.source
        assert isinstance(source, FileSource)
        data = source.path.read_bytes()
        return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "altText": item.alt_text}
