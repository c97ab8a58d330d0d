"""The search index of each database, and PostgreSQL's word to sleeping publishers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

#: Posts' `search` column by trigrams; the user's tag is part of the index, so a search touches one user's rows only.
SQLITE_SEARCH = (
    "CREATE VIRTUAL TABLE posts_fts USING fts5(search, owner_tag, content='posts', content_rowid='seq', tokenize='trigram')",
    "CREATE TRIGGER posts_fts_insert AFTER INSERT ON posts BEGIN"
    " INSERT INTO posts_fts(rowid, search, owner_tag) VALUES (new.seq, new.search, new.owner_tag); END",
    "CREATE TRIGGER posts_fts_delete AFTER DELETE ON posts BEGIN"
    " INSERT INTO posts_fts(posts_fts, rowid, search, owner_tag)"
    " VALUES ('delete', old.seq, old.search, old.owner_tag); END",
    "CREATE TRIGGER posts_fts_update AFTER UPDATE OF search, owner_tag ON posts"
    " WHEN old.search <> new.search OR old.owner_tag <> new.owner_tag BEGIN"
    " INSERT INTO posts_fts(posts_fts, rowid, search, owner_tag)"
    " VALUES ('delete', old.seq, old.search, old.owner_tag);"
    " INSERT INTO posts_fts(rowid, search, owner_tag) VALUES (new.seq, new.search, new.owner_tag); END",
)

#: Tells every publisher that something may be due earlier than it knows.
POSTGRES_NOTIFY = (
    "CREATE FUNCTION ampost_due() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_notify('ampost_due', ''); RETURN NULL; END $$",
    "CREATE TRIGGER ampost_due_insert AFTER INSERT ON platform_posts"
    " FOR EACH ROW WHEN (NEW.next_at IS NOT NULL) EXECUTE FUNCTION ampost_due()",
    "CREATE TRIGGER ampost_due_update AFTER UPDATE OF next_at ON platform_posts"
    " FOR EACH ROW WHEN (NEW.next_at IS NOT NULL AND NEW.next_at IS DISTINCT FROM OLD.next_at)"
    " EXECUTE FUNCTION ampost_due()",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE_SEARCH:
            op.execute(statement)
        return
    make_trigram_index()
    for statement in POSTGRES_NOTIFY:
        op.execute(statement)


def make_trigram_index() -> None:
    """Needs the extension pg_trgm; where it cannot be had, searches scan the user's own rows."""
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
            connection.execute(sa.text("CREATE INDEX ix_posts_search ON posts USING gin (search gin_trgm_ops)"))
    except sa.exc.DBAPIError:
        return
