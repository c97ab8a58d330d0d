"""Runs revisions on the connection that `storage.migrate` hands in, inside its transaction."""

from __future__ import annotations

from typing import Any

from alembic import context

from storage.tables import metadata


def is_in_tables(item: Any, name: str | None, kind: str, is_reflected: bool, _other: Any) -> bool:
    """The search index is not in `storage.tables`: virtual tables, or an index of an optional extension."""
    return not (is_reflected and (str(name).startswith("posts_fts") or name == "ix_posts_search"))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=is_in_tables,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
