"""Reads a multipart form as it arrives: files go to disk chunk by chunk, hashed on the way, texts stay small."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ampost_mcp.errors import AppError
from ampost_mcp.services.fetching import Fetched
from ampost_mcp.transports.reading import bad_body


@dataclass(frozen=True)
class Bounds:
    """Bytes of a file, of a text field, of the whole form; number of parts."""

    file: int = 200 * 1024 * 1024
    text: int = 1024 * 1024
    whole: int = 2 * 1024 * 1024 * 1024
    parts: int = 40


@dataclass(frozen=True)
class FilePart:
    """A received file under the field's name, with the name that the client gave it."""

    name: str
    filename: str
    got: Fetched


@dataclass
class Form:
    texts: dict[str, str] = field(default_factory=dict)
    files: list[FilePart] = field(default_factory=list)


@dataclass
class _Part:
    """A part under way. `file` is open while it is a file's."""

    header: list[tuple[bytes, bytes]] = field(default_factory=list)
    name: str = ""
    filename: str = ""
    file: Any = None
    path: Path | None = None
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    text: bytearray = field(default_factory=bytearray)


async def read_form(
    stream: AsyncIterator[bytes], content_type: str, folder: Path, file_fields: frozenset[str], bounds: Bounds
) -> Form:  # fmt: skip
    """The form in `stream`; its files lie in `folder`, which the caller clears whatever happens.

    Raises VALIDATION_FAILED for what is no form, PAYLOAD_TOO_LARGE beyond the bounds.
    """
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise bad_body("The Content-Type is not multipart/form-data.", "Send a form with data (JSON) and files.")
    events: list[tuple[str, bytes]] = []
    try:
        parser = MultipartParser(boundary, _collect(events))
        reader = _Reader(folder, file_fields, bounds)
        try:
            async for chunk in stream:
                parser.write(chunk)
                reader.count(len(chunk))
                for name, content in events:
                    await reader.take(name, content)
                events.clear()
            if not reader.ended:
                raise bad_body("The form breaks off.", "Send it again, to its end.")
        finally:
            await reader.close()
    except FormParserError as error:
        raise bad_body("The body is not a well-formed multipart form.", "Let an HTTP library build it.") from error
    return reader.form


def _collect(events: list[tuple[str, bytes]]) -> Any:
    def content(name: str) -> Any:
        return lambda chunk, start, end: events.append((name, chunk[start:end]))

    def mark(name: str) -> Any:
        return lambda: events.append((name, b""))

    marks = ("part_begin", "header_end", "headers_finished", "part_end", "end")
    return {f"on_{name}": mark(name) for name in marks} | {
        f"on_{name}": content(name) for name in ("header_field", "header_value", "part_data")
    }


class _Reader:
    """Takes the parser's events in order and does what waits: writing to disk."""

    def __init__(self, folder: Path, file_fields: frozenset[str], bounds: Bounds) -> None:
        self.form = Form()
        self.ended = False
        self._folder, self._file_fields, self._bounds = folder, file_fields, bounds
        self._part = _Part()
        self._parts = self._whole = 0
        self._name, self._value = b"", b""

    def count(self, size: int) -> None:
        self._whole += size
        if self._whole > self._bounds.whole:
            raise _too_large("The form", self._bounds.whole)

    async def take(self, event: str, content: bytes) -> None:
        match event:
            case "part_begin":
                self._part, self._parts = _Part(), self._parts + 1
                if self._parts > self._bounds.parts:
                    raise _too_large("The form", self._bounds.parts, "parts")
            case "header_field":
                self._name += content
            case "header_value":
                self._value += content
            case "header_end":
                self._part.header.append((self._name.lower(), self._value))
                self._name, self._value = b"", b""
            case "headers_finished":
                await self._open()
            case "part_data":
                await self._write(content)
            case "part_end":
                await self._finish()
            case "end":
                self.ended = True

    async def _open(self) -> None:
        part = self._part
        _, options = parse_options_header(dict(part.header).get(b"content-disposition", b""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        part.filename = options.get(b"filename", b"").decode("utf-8", "replace")
        if part.name in self._file_fields:
            part.path = self._folder / str(self._parts)
            part.file = await anyio.open_file(part.path, "wb")

    async def _write(self, content: bytes) -> None:
        part = self._part
        part.size += len(content)
        most = self._bounds.file if part.file else self._bounds.text
        if part.size > most:
            raise _too_large(part.filename[:100] or part.name[:100] or "A part", most)
        if part.file is None:
            part.text += content
            return
        part.digest.update(content)
        await part.file.write(content)

    async def _finish(self) -> None:
        part = self._part
        if part.file is not None and part.path is not None:
            await part.file.aclose()
            part.file = None
            self.form.files.append(FilePart(part.name, part.filename, Fetched(part.path, part.size, part.digest.hexdigest())))
            return
        if part.name in self.form.texts:
            raise bad_body(f"The field {part.name[:64]} stands twice in the form.", "Send it once.")
        try:
            self.form.texts[part.name] = part.text.decode()
        except UnicodeDecodeError as error:
            raise bad_body(f"The field {part.name[:64]} is not UTF-8.", "Send texts in UTF-8.") from error

    async def close(self) -> None:
        if self._part.file is not None:
            await self._part.file.aclose()


def _too_large(what: str, limit: int, unit: str = "bytes") -> AppError:
    return AppError(
        "PAYLOAD_TOO_LARGE", f"{what} has more than {limit} {unit}.", "Send smaller or fewer files, or media by URL.",
        [{"code": "PAYLOAD_TOO_LARGE", "field": "files", "limit": limit}],
    )  # fmt: skip
