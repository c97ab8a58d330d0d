"""`POST /api/posts`: a post with its files in one form; and the files on their way out again."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ampost_mcp import auth
from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.operations import BY_NAME, check_key, invoke
from ampost_mcp.schemas import nest_content
from ampost_mcp.services import idempotency, media, probing
from ampost_mcp.tiers import Limiter
from ampost_mcp.transports.dashboard.multipart import Bounds, FilePart, Form, read_form
from ampost_mcp.transports.reading import parse_object
from storage import media_files
from storage.tables import MediaFile

CREATE = BY_NAME["posts_create"]
FILE_FIELDS = frozenset({"files", "files[]"})
BOUNDS = Bounds()
#: A served file can do nothing in a browser but be shown.
SERVED = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cache-Control": "public, max-age=86400, immutable",
}


def routes(app: App, bounds: Bounds = BOUNDS) -> list[Route]:
    async def create(request: Request) -> Response:
        request.state.operation = CREATE.name
        caller = await auth.by_key_or_session(app, request)
        limiter: Limiter = app.extras["limiter"]
        quota = await limiter.admit(caller, "createPost", "mediaUpload")
        if quota is not None:
            request.state.headers.update(quota.headers())
        key = request.headers.get("idempotency-key")
        if key is not None:
            check_key(key)
        async with media.new_folder(app) as folder:
            content_type = request.headers.get("content-type", "")
            form = await read_form(request.stream(), content_type, folder, FILE_FIELDS, bounds)
            answer = await _once(app, caller, key, form, _read_data(form))
        return JSONResponse(answer, 201)

    async def serve(request: Request) -> Response:
        row = await app.db.read_quick(media_files.by_secret, request.path_params["secret"])
        if row is None or row.filename != request.path_params["filename"] or not media.path_of(app, row).is_file():
            raise AppError("NOT_FOUND", "There is no such file.", "Uploads that no post uses are cleared after a day.")
        return FileResponse(
            media.path_of(app, row), media_type=row.mime_type, headers=SERVED, filename=row.filename,
            content_disposition_type="inline",
        )  # fmt: skip

    return [Route("/api/posts", create, methods=["POST"]), Route("/media/{secret}/{filename}", serve)]


def _read_data(form: Form) -> dict[str, Any]:
    """The create body, `content` nested or flat. Raises VALIDATION_FAILED."""
    if unknown := sorted(form.texts.keys() - {"data"}):
        raise from_faults([_fault(name[:64], f"There is no form field {name[:64]}.", "Send data and files.") for name in unknown])
    if "data" not in form.texts:
        raise from_faults([_fault("data", "The form has no field data.", "data is the post as JSON.")])
    return nest_content(parse_object(form.texts["data"]))


async def _once(app: App, caller: Caller, key: str | None, form: Form, raw: dict[str, Any]) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        return await _create(app, caller, raw, form.files)

    if key is None:
        return await run()
    return await idempotency.once(app, caller, key, _fingerprint(raw, form.files), run)


def _fingerprint(raw: dict[str, Any], files: list[FilePart]) -> str:
    """The same for the same post with the same files."""
    said = ["POST /api/posts", raw, [(part.filename, part.got.sha256) for part in files]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


async def _create(app: App, caller: Caller, raw: dict[str, Any], parts: list[FilePart]) -> dict[str, Any]:
    kept = await _keep(app, caller, parts)
    try:
        answer = await invoke(app, CREATE, caller, _with_media(app, raw, kept))
    except AppError:
        await media.forget(app, kept)
        raise
    await app.db.write(media_files.attach, caller.user_id, [row.id for row in kept], answer["post"]["id"])
    return answer


async def _keep(app: App, caller: Caller, parts: list[FilePart]) -> list[MediaFile]:
    """Takes the files in; all of them, or none. Raises UNSUPPORTED_MEDIA_TYPE for each that is none of the types."""
    kept, faults = [], []
    for index, part in enumerate(parts):
        try:
            kept.append(await media.keep(app, caller.user_id, part.got, part.filename, types=media.UPLOAD_TYPES))
        except probing.Unsupported as error:
            faults.append({
                "code": "UNSUPPORTED_MEDIA_TYPE", "field": f"files.{index}",
                "message": f"The file {part.filename[:100] or index} cannot be used: {error}.",
                "hint": f"Send {', '.join(media.UPLOAD_TYPES)}.",
            })  # fmt: skip
    if faults:
        await media.forget(app, kept)
        raise from_faults(faults)
    return kept


def _with_media(app: App, raw: dict[str, Any], kept: list[MediaFile]) -> dict[str, Any]:
    """The files as media, behind those that the body names. A body of another shape stays: its faults are told later."""
    content = raw.get("content", {})
    if not kept or not isinstance(content, dict) or not isinstance(content.get("media") or [], list):
        return raw
    return {**raw, "content": {**content, "media": [*(content.get("media") or []), *(_item(app, row) for row in kept)]}}


def _item(app: App, row: MediaFile) -> dict[str, Any]:
    item = {
        "id": row.id, "type": row.mime_type.partition("/")[0], "url": media.address_of(app, row), "filename": row.filename,
        "mimeType": row.mime_type, "sizeBytes": row.size_bytes, "width": row.width, "height": row.height,
        "durationSeconds": row.duration_seconds,
    }  # fmt: skip
    return {name: value for name, value in item.items() if value is not None}


def _fault(name: str, message: str, hint: str) -> dict[str, Any]:
    return {"code": "VALIDATION_FAILED", "field": name, "message": message, "hint": hint}
