"""Pages of a user's posts, newest first, fast at a million posts whatever the filters.

SQLite keeps no statistics of ours, so it is told which index to walk: the one in which the fewest of the user's posts
match. PostgreSQL decides by its own statistics. `search` is stored case-folded, and so is what is searched for: both
databases then find the same, in any script.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Result, text
from sqlmodel import Session

#: Between the parts of a post that a search looks at; no searched text holds it.
SEPARATOR = "\x1f"
#: SQLite's index knows runs of three characters.
SHORTEST_INDEXED = 3
#: Matches in an index after which it is "many".
MANY = 2000


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to. `owner_tag` is the user's own."""

    user_id: str
    owner_tag: str
    status: str | None = None
    platform: str | None = None
    platform_set_id: str | None = None
    search: str | None = None


CONDITIONS = {
    "search": r"p.search LIKE :like ESCAPE '\'",
    "platform": "EXISTS (SELECT 1 FROM platform_posts x WHERE x.post_id = p.id AND x.platform = :platform)",
    "status": "p.status = :status",
    "platform_set_id": "p.platform_set_id = :platform_set_id",
}


@dataclass(frozen=True)
class Walk:
    """A way through an index, newest first: where it begins, how it gets to the posts `p`, what it is ordered by."""

    start: str
    where: str
    order: str = "p.seq"
    join: str = ""


#: Filter -> the walk that answers it by itself on SQLite.
WALKS = {
    "search": Walk("posts_fts f", "f.posts_fts MATCH :match", "f.rowid", "CROSS JOIN posts p ON p.seq = f.rowid"),
    "platform": Walk(
        "platform_posts pp INDEXED BY ix_platform_posts_user", "pp.user_id = :user_id AND pp.platform = :platform",
        "pp.post_seq", "CROSS JOIN posts p ON p.seq = pp.post_seq",
    ),
    "status": Walk("posts p INDEXED BY ix_posts_status", "p.user_id = :user_id AND p.status = :status"),
    "platform_set_id": Walk(
        "posts p INDEXED BY ix_posts_set", "p.user_id = :user_id AND p.platform_set_id = :platform_set_id"
    ),
}  # fmt: skip
EVERYTHING = Walk("posts p INDEXED BY ix_posts_user", "p.user_id = :user_id")
ON_POSTGRESQL = {
    "platform": Walk(
        "platform_posts pp", "pp.user_id = :user_id AND pp.platform = :platform", "pp.post_seq",
        "JOIN posts p ON p.seq = pp.post_seq",
    ),
}  # fmt: skip
EVERYTHING_ON_POSTGRESQL = Walk("posts p", "p.user_id = :user_id")


def search_text(post_text: str, overrides: dict[str, Any]) -> str:
    """What a search of the post looks at: its text, and the platforms' own texts and titles."""
    parts = [post_text]
    for override in overrides.values():
        title = (override.get("settings") or {}).get("title")
        parts += [part for part in (override.get("text"), title) if isinstance(part, str) and part]
    return SEPARATOR.join(parts).casefold()


def page(session: Session, filters: Filters, limit: int, offset: int) -> list[int]:
    """The `seq` of up to `limit` posts after the first `offset`, newest first."""
    given = _given(filters)
    values = _values(filters) | {"limit": limit, "offset": offset}
    if session.get_bind().dialect.name == "sqlite":
        chosen = _narrowest(session, given, values)
        walk = WALKS.get(chosen or "", EVERYTHING)
    else:
        chosen = "platform" if "platform" in given else None
        walk = ON_POSTGRESQL.get(chosen or "", EVERYTHING_ON_POSTGRESQL)
    others = [CONDITIONS[name] for name in given if name != chosen]
    join = walk.join if others else ""
    statement = (
        f"SELECT {walk.order} FROM {walk.start} {join} WHERE {' AND '.join([walk.where, *others])}"
        f" ORDER BY {walk.order} DESC LIMIT :limit OFFSET :offset"
    )
    return [int(seq) for seq in _execute(session, statement, values).scalars()]


def _given(filters: Filters) -> list[str]:
    return [name for name in CONDITIONS if getattr(filters, name)]


def _values(filters: Filters) -> dict[str, Any]:
    """Parameters of every clause. `%`, `_` and quotation marks stand for themselves."""
    search = (filters.search or "").casefold()
    escaped = search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    phrase = search.replace('"', '""')
    return {
        "user_id": filters.user_id, "status": filters.status, "platform": filters.platform,
        "platform_set_id": filters.platform_set_id, "like": f"%{escaped}%",
        "match": f'owner_tag : "{filters.owner_tag}" AND search : "{phrase}"', "search": search,
    }  # fmt: skip


def _narrowest(session: Session, given: list[str], values: dict[str, Any]) -> str | None:
    walks = [name for name in given if name != "search" or len(values["search"]) >= SHORTEST_INDEXED]
    if len(walks) < 2:
        return walks[0] if walks else None
    return min(walks, key=lambda name: _matches(session, name, values))


def _matches(session: Session, name: str, values: dict[str, Any]) -> int:
    """How many of the user's posts a filter leaves, counted up to `MANY`."""
    walk = WALKS[name]
    statement = f"SELECT count(*) FROM (SELECT 1 FROM {walk.start} WHERE {walk.where} LIMIT {MANY})"
    return int(_execute(session, statement, values).scalar_one())


def _execute(session: Session, statement: str, values: dict[str, Any]) -> Result[Any]:
    return session.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
