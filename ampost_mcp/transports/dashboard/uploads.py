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
from ampost_mcp.operations import BY_NAME, check_key, faults_of, invoke
from ampost_mcp.parsing import MOST_FAULTS, Fault
from ampost_mcp.schemas import nest_content
from ampost_mcp.services import idempotency, media, probing
from ampost_mcp.tiers import Limiter
from ampost_mcp.transports.dashboard.multipart import Bounds, FilePart, Form, read_form
from ampost_mcp.transports.reading import parse_object, stray_parameters
from storage import media_files
from storage.tables import MediaFile

CREATE = BY_NAME["posts_create"]
FILE_FIELDS = frozenset({"files", "files[]"})
BOUNDS = Bounds()
#: Where a refused file would be, while the rest of its post is judged.
STAND_IN = "https://example.com/refused"
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
            raw, faults = _read_data(form)
            answer = await _once(app, caller, key, form, raw, [*stray_parameters(request), *faults])
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


def _read_data(form: Form) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The create body with its content nested, None when there is none that can be read; and what is wrong with the form."""
    unknown = sorted(form.texts.keys() - {"data"})[:MOST_FAULTS]
    faults = [_fault(name[:64], f"There is no form field {name[:64]}.", "Send data and files.") for name in unknown]
    if "data" not in form.texts:
        return None, [*faults, _fault("data", "The form has no field data.", "data is the post as JSON.")]
    try:
        return nest_content(parse_object(form.texts["data"])), faults
    except AppError as error:
        return None, [*faults, *error.details]


async def _once(
    app: App, caller: Caller, key: str | None, form: Form, raw: dict[str, Any] | None, faults: list[Fault]
) -> dict[str, Any]:  # fmt: skip
    async def run() -> dict[str, Any]:
        return await _create(app, caller, raw, form.files, faults)

    if key is None or faults:
        return await run()
    return await idempotency.once(app, caller, key, _fingerprint(raw, form.files), run)


def _fingerprint(raw: dict[str, Any] | None, files: list[FilePart]) -> str:
    """The same for the same post with the same files."""
    said = ["POST /api/posts", raw, [(part.filename, part.got.sha256) for part in files]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


async def _create(
    app: App, caller: Caller, raw: dict[str, Any] | None, parts: list[FilePart], faults: list[Fault]
) -> dict[str, Any]:  # fmt: skip
    """Makes the post, or raises all its faults after `faults`, those of the form; then no file stays."""
    kept, of_files = await _keep(app, caller, parts)
    try:
        if raw is None or faults or of_files:
            raise from_faults([*faults, *of_files, *await _other_faults(app, caller, raw, kept)])
        answer = await invoke(app, CREATE, caller, _with_media(app, raw, kept))
    except AppError:
        await media.forget(app, filter(None, kept))
        raise
    await app.db.write(media_files.attach, caller.user_id, [row.id for row in kept if row], answer["post"]["id"])
    return answer


async def _keep(app: App, caller: Caller, parts: list[FilePart]) -> tuple[list[MediaFile | None], list[Fault]]:
    """Takes the files in, and says what is wrong with those, None, that are of no type that is taken."""
    kept: list[MediaFile | None] = []
    faults = []
    for index, part in enumerate(parts):
        try:
            kept.append(await media.keep(app, caller.user_id, part.got, part.filename, types=media.UPLOAD_TYPES))
        except probing.Unsupported as error:
            kept.append(None)
            faults.append({
                "code": "UNSUPPORTED_MEDIA_TYPE", "field": f"files.{index}",
                "message": f"The file {part.filename[:100] or index} cannot be used: {error}.",
                "hint": f"Send {', '.join(media.UPLOAD_TYPES)}.",
            })  # fmt: skip
    return kept, faults


async def _other_faults(app: App, caller: Caller, raw: dict[str, Any] | None, kept: list[MediaFile | None]) -> list[Fault]:
    """What is wrong with the post itself, whatever takes the place of the files that were refused."""
    if raw is None:
        return []
    images, videos = [await faults_of(app, CREATE, caller, _with_media(app, raw, kept, kind)) for kind in ("image", "video")]
    return [fault for fault in images if fault in videos]


def _with_media(app: App, raw: dict[str, Any], kept: list[MediaFile | None], refused: str = "image") -> dict[str, Any]:
    """The files as media, behind those that the body names, `refused` ones as something of that kind. A body of another
    shape stays: its faults are told later."""
    content = raw.get("content", {})
    if not kept or not isinstance(content, dict) or not isinstance(content.get("media") or [], list):
        return raw
    items = [_item(app, row) if row else {"type": refused, "url": STAND_IN} for row in kept]
    return {**raw, "content": {**content, "media": [*(content.get("media") or []), *items]}}


def _item(app: App, row: MediaFile) -> dict[str, Any]:
    item = {
        "id": row.id, "type": row.mime_type.partition("/")[0], "url": media.address_of(app, row), "filename": row.filename,
        "mimeType": row.mime_type, "sizeBytes": row.size_bytes, "width": row.width, "height": row.height,
        "durationSeconds": row.duration_seconds,
    }  # fmt: skip
    return {name: value for name, value in item.items() if value is not None}


def _fault(name: str, message: str, hint: str) -> dict[str, Any]:
    return {"code": "VALIDATION_FAILED", "field": name, "message": message, "hint": hint}
