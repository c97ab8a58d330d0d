"""LinkedIn's images and videos on the simulator: announced, sent to signed addresses, put together, processed."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from brokers.sandbox.app import url_of
from brokers.sandbox.linkedin_caller import body_of, caller, error, fields, input_error, member, refuse
from brokers.sandbox.world import Identity, World

MB = 1024 * 1024
PART = 4 * MB
HOUR = 3600
#: How a file of each kind begins: (offset, bytes, type).
MAGIC: dict[str, tuple[tuple[int, bytes, str], ...]] = {
    "image": ((0, b"\xff\xd8\xff", "image/jpeg"), (0, b"\x89PNG", "image/png"), (0, b"GIF8", "image/gif")),
    "video": ((4, b"ftyp", "video/mp4"),),
}
BEGIN: dict[str, dict[str, type]] = {
    "image": {"owner": str},
    "video": {"owner": str, "fileSizeBytes": int, "uploadCaptions": bool, "uploadThumbnail": bool},
}


async def images(world: World, request: Request) -> Response:
    who, given = await _action(world, request, ("initializeUpload",))
    asset = _begin(world, who, "image", given)
    where = url_of(request, f"https://www.linkedin.com/dms-uploads/image/{asset['key']}")
    return JSONResponse({"value": {"uploadUrl": where, "uploadUrlExpiresAt": _soon(world), "image": asset["id"]}})


async def videos(world: World, request: Request) -> Response:
    who, given = await _action(world, request, ("initializeUpload", "finalizeUpload"))
    if request.query_params["action"] == "finalizeUpload":
        return _finalize(world, who, given)
    asset = _begin(world, who, "video", given)
    size = given["fileSizeBytes"]
    if not 0 < size <= 500_000_000:
        refuse(input_error(400, "INVALID_FILE_SIZE", "fileSizeBytes must be at most 500 MB"))
    asset["expected"] = [(start, min(start + PART, size) - 1) for start in range(0, size, PART)]
    parts = [
        {"uploadUrl": url_of(request, f"https://www.linkedin.com/dms-uploads/video/{asset['key']}/{n}"),
         "firstByte": first, "lastByte": last}
        for n, (first, last) in enumerate(asset["expected"])
    ]  # fmt: skip
    begun = {"video": asset["id"], "uploadToken": "", "uploadUrlsExpireAt": _soon(world), "uploadInstructions": parts}
    return JSONResponse({"value": begun})


async def _action(world: World, request: Request, known: tuple[str, ...]) -> tuple[Identity, dict[str, Any]]:
    """The caller, and the one object that the action named in the query is given."""
    who, action = member(world, request), request.query_params.get("action", "")
    if set(request.query_params) != {"action"} or action not in known:
        refuse(error(400, f"Invalid query parameters, or no such action: {action}", "ILLEGAL_ARGUMENT"))
    name = f"{action}Request"
    given: dict[str, Any] = fields("", await body_of(request), {name: dict}, (name,))[name]
    return who, given


def _begin(world: World, who: Identity, kind: str, given: dict[str, Any]) -> dict[str, Any]:
    needed = ("owner", "fileSizeBytes") if kind == "video" else ("owner",)
    fields("/initializeUploadRequest", given, BEGIN[kind], needed)
    if given["owner"] != f"urn:li:person:{who.id}":
        refuse(input_error(403, "ACCESS_DENIED", "owner must be the calling member"))
    key = world.new_id()
    urn = f"urn:li:{kind}:D4E{key}"
    asset = {"id": urn, "key": key, "kind": kind, "owner": who.id, "parts": {}, "status": "WAITING_UPLOAD"}
    world.objects[urn] = world.objects[f"linkedin-{key}"] = asset
    return asset


def _soon(world: World) -> int:
    return int((world.clock() + HOUR) * 1000)


async def put_image(world: World, request: Request) -> Response:
    caller(world, request, "w_member_social")
    asset = _of_key(world, request, "image")
    await _take(request, asset, 0)
    _put_together(world, asset, [0])
    return Response(status_code=201)


async def put_part(world: World, request: Request) -> Response:
    """A part of a video. Its address is signed: a token has no business here."""
    if "authorization" in request.headers:
        refuse(error(400, "Only one auth mechanism allowed"))
    asset, number = _of_key(world, request, "video"), int(request.path_params["number"])
    if number >= len(asset["expected"]):
        refuse(error(404, "Not Found"))
    first, last = asset["expected"][number]
    size = await _take(request, asset, number)
    if size != last - first + 1:
        del asset["parts"][number]
        refuse(error(400, f"The part must have the bytes {first} to {last}"))
    return Response(status_code=200, headers={"etag": f'"{_etag(asset, number)}"'})


def _of_key(world: World, request: Request, kind: str) -> dict[str, Any]:
    asset = world.objects.get(f"linkedin-{request.path_params['key']}")
    if asset is None or asset["kind"] != kind or asset["status"] != "WAITING_UPLOAD":
        refuse(error(404, "Not Found"))
    if "content-length" not in request.headers:
        refuse(error(411, "Length Required"))
    return asset


async def _take(request: Request, asset: dict[str, Any], number: int) -> int:
    body = await request.body()
    asset["parts"][number] = body
    return len(body)


def _etag(asset: dict[str, Any], number: int) -> str:
    return f"/ambry-video/signedId/{hashlib.sha256(asset['parts'][number]).hexdigest()[:24]}-{number}"


def _finalize(world: World, who: Identity, given: dict[str, Any]) -> Response:
    known = {"video": str, "uploadToken": str, "uploadedPartIds": list}
    fields("/finalizeUploadRequest", given, known, tuple(known))
    asset = world.objects.get(given["video"], {})
    if asset.get("kind") != "video" or asset["owner"] != who.id:
        refuse(input_error(400, "INVALID_URN_ID", "no such video"))
    made = [_etag(asset, number) for number in sorted(asset["parts"])]
    if len(made) != len(asset["expected"]) or given["uploadedPartIds"] != made:
        refuse(input_error(400, "INVALID_PARTS", "uploadedPartIds must name every part in order"))
    _put_together(world, asset, sorted(asset["parts"]))
    return JSONResponse({})


def _put_together(world: World, asset: dict[str, Any], numbers: list[int]) -> None:
    digest, size = hashlib.sha256(), 0
    for number in numbers:
        digest.update(asset["parts"][number])
        size += len(asset["parts"][number])
    head = asset["parts"][0][:16] if numbers else b""
    mime_type = next((kind for at, magic, kind in MAGIC[asset["kind"]] if head[at : at + len(magic)] == magic), None)
    asset.update(
        parts={}, sha256=digest.hexdigest(), size=size, mimeType=mime_type, ready_at=world.ready_at("linkedin"),
        status="AVAILABLE" if mime_type else "PROCESSING_FAILED",
    )  # fmt: skip


def status_of(world: World, asset: dict[str, Any]) -> str:
    """WAITING_UPLOAD, PROCESSING, PROCESSING_FAILED or AVAILABLE."""
    if asset["status"] != "WAITING_UPLOAD" and world.clock() < asset["ready_at"]:
        return "PROCESSING"
    return str(asset["status"])


async def video_status(world: World, request: Request) -> Response:
    who, urn = member(world, request), request.path_params["urn"]
    if quote(urn, safe="").encode() not in request.scope["raw_path"]:
        refuse(error(400, "Syntax exception in path variables", "ILLEGAL_ARGUMENT"))
    asset = world.objects.get(urn, {})
    if asset.get("kind") != "video" or asset["owner"] != who.id:
        refuse(error(404, "Not Found"))
    return JSONResponse({"id": urn, "owner": f"urn:li:person:{who.id}", "status": status_of(world, asset)})
