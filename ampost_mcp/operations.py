"""The table: each public operation is one row, and both doors (MCP and REST) call `admit` and `invoke` with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from ampost_mcp import schemas, tiers
from ampost_mcp.context import App, Caller
from ampost_mcp.errors import AppError, from_faults
from ampost_mcp.parsing import Fault
from ampost_mcp.services import accounts, checking, idempotency, platform_sets, posts, publishing

Door = Literal["mcp", "rest"]
Run = Callable[[App, Caller, Any], Awaitable[BaseModel]]


@dataclass(frozen=True)
class Route:
    """A REST path. An alias also takes a browser session, and is left out of the documentation's first rank."""

    method: str
    path: str
    status: int = 200
    alias: bool = False


@dataclass(frozen=True)
class Hints:
    """What an MCP client may know before it calls. `reaches_out`: a platform hears of it."""

    read_only: bool = False
    destructive: bool = False
    repeatable: bool = False
    reaches_out: bool = False


READ = Hints(read_only=True, repeatable=True)
CHANGE = Hints()
REMOVE = Hints(destructive=True, repeatable=True)
PUBLISH = Hints(destructive=True, reaches_out=True)


@dataclass(frozen=True)
class Operation:
    """`rest_limit` is the limit that REST calls count against where it differs. `keyed`: the tool takes an
    `idempotencyKey` (REST takes the header on every POST). `flat`: the tool's arguments are the post's content, which
    REST nests in `content`; such arguments are also checked against the platforms' rules when they are half wrong.
    `rest_only` arguments are not told to tools; `tool_requires` is what a tool asks for beyond the model."""

    name: str
    title: str
    description: str
    args: type[BaseModel]
    result: type[BaseModel]
    run: Run
    limit: str
    hints: Hints
    routes: tuple[Route, ...]
    rest_limit: str | None = None
    keyed: bool = False
    flat: bool = False
    rest_only: tuple[str, ...] = ()
    tool_requires: tuple[str, ...] = ()

    def limit_at(self, door: Door) -> str:
        return self.rest_limit if door == "rest" and self.rest_limit else self.limit


V1, SETS = "/api/v1", "/api/platforms/sets"

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "posts_create", "Create a post",
        "Creates a draft, or a scheduled post when scheduledFor is a future time. Nothing is published by this call: "
        "a draft waits for posts_publish, a scheduled post goes out by itself at its time. Every selected platform needs "
        "an active account in the platform set (see accounts_list). All faults are reported at once.",
        schemas.PostCreate, schemas.PostOut, posts.create, "createPost", CHANGE,
        (Route("POST", f"{V1}/posts", 201),), keyed=True, flat=True,
    ),
    Operation(
        "posts_get", "Get a post",
        "Returns one post with its status and, for each platform, status, link or error. Use it to follow a post that is "
        "queued or posting.",
        schemas.PostRef, schemas.PostOut, posts.get, "apiRead", READ, (Route("GET", f"{V1}/posts/{{postId}}"),),
    ),
    Operation(
        "posts_list", "List posts",
        "Lists posts, newest first, optionally by status, platform, platform set or a part of the text. A search "
        "takes every character as it stands and ignores case.",
        schemas.PostList, schemas.PostsOut, posts.list_posts, "apiRead", READ, (Route("GET", f"{V1}/posts"),),
    ),
    Operation(
        "posts_update", "Update a post",
        "Changes a draft or scheduled post. Only the given fields change; scheduledFor null makes it a draft again. "
        "Changing platforms or platformSetId picks the accounts anew.",
        schemas.PostUpdate, schemas.PostOut, posts.update, "createPost", CHANGE,
        (Route("PATCH", f"{V1}/posts/{{postId}}"),), flat=True,
    ),
    Operation(
        "posts_delete", "Discard a post",
        "Discards a draft, scheduled, queued, partial or failed post: nothing more of it is published. What is already "
        "published stays on its platform.",
        schemas.PostRef, schemas.PostOut, posts.discard, "createPost", REMOVE,
        (Route("DELETE", f"{V1}/posts/{{postId}}"), Route("POST", f"{V1}/posts/{{postId}}/cancel")),
    ),
    Operation(
        "posts_publish", "Publish a post now",
        "Publishes a draft or scheduled post to its platforms, visibly to others and for good. Call it only when the user "
        "explicitly wants immediate publishing. Waits a while for the outcome; when the status is still queued or posting, "
        "ask posts_get, do not publish again.",
        schemas.PostRef, schemas.PostOut, publishing.publish, "publishPost", PUBLISH,
        (Route("POST", f"{V1}/posts/{{postId}}/publish"),), rest_limit="createPost", keyed=True,
    ),
    Operation(
        "posts_retry", "Retry failed platforms",
        "Tries the failed platforms of a partial or failed post again. A platform that ended with PUBLISH_OUTCOME_UNKNOWN "
        "may have published: look first, then name it in platforms and set acknowledgeDuplicateRisk.",
        schemas.PostRetry, schemas.PostOut, publishing.retry, "publishPost", PUBLISH,
        (Route("POST", f"{V1}/posts/{{postId}}/retry"),), rest_limit="createPost", keyed=True,
    ),
    Operation(
        "accounts_list", "List connected accounts",
        "Lists the connected accounts with the health of their tokens. Call it before creating a post, to see which "
        "platforms a platform set can publish to.",
        schemas.AccountList, schemas.AccountsOut, accounts.list_accounts, "apiRead", READ,
        (Route("GET", f"{V1}/accounts"),),
    ),
    Operation(
        "accounts_get", "Get a connected account", "Returns one connected account, a revoked one too.",
        schemas.AccountRef, schemas.AccountOut, accounts.get, "apiRead", READ,
        (Route("GET", f"{V1}/accounts/{{accountId}}"),),
    ),
    Operation(
        "platform_sets_list", "List platform sets",
        "Lists the platform sets with the number of active accounts in each. Every post belongs to one set; call this "
        "first to find the platformSetId.",
        schemas.NoArgs, schemas.SetsOut, platform_sets.list_sets, "apiRead", READ,
        (Route("GET", f"{V1}/platform-sets"), Route("GET", SETS, alias=True)),
    ),
    Operation(
        "platform_sets_create", "Create a platform set",
        "Creates an empty platform set; a user can have 20. Accounts are connected to it in the dashboard.",
        schemas.SetCreate, schemas.SetOut, platform_sets.create, "createPost", CHANGE,
        (Route("POST", f"{V1}/platform-sets"), Route("POST", SETS, alias=True)), keyed=True,
    ),
    Operation(
        "platform_sets_rename", "Rename a platform set", "Gives a platform set another name.",
        schemas.SetUpdate, schemas.SetOut, platform_sets.update, "createPost",
        Hints(repeatable=True),
        (Route("PATCH", f"{V1}/platform-sets/{{platformSetId}}"),
         Route("PATCH", f"{SETS}/{{platformSetId}}", alias=True)),
        rest_only=("isDefault",), tool_requires=("platformSetId", "name"),
    ),
    Operation(
        "platform_sets_delete", "Delete a platform set",
        "Deletes a platform set that is not the default. Its accounts are revoked, and its scheduled posts will fail.",
        schemas.SetRef, schemas.Success, platform_sets.delete, "createPost", REMOVE,
        (Route("DELETE", f"{V1}/platform-sets/{{platformSetId}}"),
         Route("DELETE", f"{SETS}/{{platformSetId}}", alias=True)),
    ),
)  # fmt: skip

BY_NAME: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS}


async def admit(app: App, operation: Operation, caller: Caller, door: Door) -> tiers.Quota | None:
    """Counts the request, valid or not. Raises RATE_LIMITED."""
    limiter: tiers.Limiter = app.extras["limiter"]
    return await limiter.admit(caller, operation.limit_at(door))


async def invoke(
    app: App, operation: Operation, caller: Caller, raw: dict[str, Any], *, key: str | None = None
) -> dict[str, Any]:
    """Parses `raw` (wire names; a post's content nested), runs the operation, answers the result's wire form.

    With an idempotency `key` the first answer to the same arguments is given again for 24 hours. Raises AppError.
    """
    args, faults = await _parse(app, operation, caller, raw)
    if faults or args is None:
        raise from_faults(faults)

    async def run() -> dict[str, Any]:
        result = await operation.run(app, caller, args)
        return result.model_dump(by_alias=True, mode="json")

    return await once(app, caller, key, operation.name, args, run)


async def once(
    app: App, caller: Caller, key: str | None, name: str, args: BaseModel, run: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:  # fmt: skip
    """Runs `run`; with a `key` only if the caller did not send the same arguments with it before. Raises like
    `idempotency.once`."""
    if key is None:
        return await run()
    return await idempotency.once(app, caller, check_key(key), fingerprint(name, args), run)


async def refusal(app: App, operation: Operation, caller: Caller, raw: dict[str, Any], around: list[Fault]) -> AppError:
    """The error for the faults `around` the arguments `raw`, and for theirs."""
    return from_faults(checking.together(around, await faults_of(app, operation, caller, raw)))


async def faults_of(app: App, operation: Operation, caller: Caller, raw: dict[str, Any]) -> list[Fault]:
    """What `invoke` would find wrong with the arguments."""
    return (await _parse(app, operation, caller, raw, rules=True))[1]


async def _parse(
    app: App, operation: Operation, caller: Caller, raw: dict[str, Any], *, rules: bool = False
) -> tuple[Any, list[Fault]]:
    """The arguments' model and every fault at once. The platforms' rules are looked at beside other faults or with
    `rules`: of arguments that have their shape, the operation looks itself."""
    args, faults = schemas.parse(operation.args, raw)
    if (faults or rules) and operation.flat and args is not None:
        assert isinstance(args, schemas.PostCreate | schemas.PostUpdate)
        of_rules = await app.db.read(checking.rule_faults, app, caller.user_id, args)
        faults = checking.together(faults, of_rules)
    return args, faults


def fingerprint(name: str, args: BaseModel) -> str:
    """The same for the same arguments of an operation, whichever door they came through."""
    said = args.model_dump(by_alias=True, mode="json")
    text = json.dumps([name, said], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_key(key: str) -> str:
    """Raises VALIDATION_FAILED unless `key` has 1 to 255 printable ASCII characters."""
    if isinstance(key, str) and 0 < len(key) <= 255 and key.isascii() and key.isprintable():
        return key
    raise AppError(
        "VALIDATION_FAILED",
        "The idempotency key is not 1 to 255 printable ASCII characters.",
        "Send a UUID, a new one for each new request.",
        [{"code": "VALIDATION_FAILED", "field": "idempotencyKey"}],
    )
