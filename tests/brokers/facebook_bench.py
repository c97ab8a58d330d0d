"""A Facebook Page on a simulator: media that can be fetched and read, the broker, and the steps of one platform post."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokers.base import Media
from brokers.facebook import BROKER
from brokers.facebook.accepts import Settings
from tests.brokers.bench import Bench, FileSource, Simulator
from tests.brokers.media_server import MediaServer
from tests.brokers.pushed import HEADS, Files


@dataclass
class PageFiles(Files):
    """Files of this disk that are served under a URL as well: photos are fetched, videos are sent."""

    folder: Path
    hosted: MediaServer
    made: int = field(default=0)

    def media(self, mime_type: str, size: int = 200, *, content: str | None = None, **more: Any) -> Media:
        item = super().media(mime_type, size, content=content, **more)
        assert isinstance(item.source, FileSource)
        self.hosted.files.append((item.source.path.read_bytes(), mime_type))
        at = f"{self.hosted.root}/{len(self.hosted.files) - 1}"
        return Media(item.kind, at, source=FileSource(item.source.path, mime_type, at), **more)


def bench(simulator: Simulator, client: Any, folder: Path, hosted: MediaServer) -> Bench:
    return Bench(BROKER, simulator, client, PageFiles(folder, hosted))


def placed(placement: str) -> Settings:
    return Settings.model_validate({"placement": placement})


JPEG, PNG, MP4, TEXT = "image/jpeg", "image/png", "video/mp4", "text/plain"
assert set(HEADS) >= {JPEG, PNG, MP4, TEXT}
