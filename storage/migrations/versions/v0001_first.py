"""Every table."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

AT = sa.DateTime(timezone=True)
SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        _required("user_id", sa.String(36)),
        _required("key", sa.String(255)),
        _required("fingerprint", sa.String(64)),
        _required("owner", sa.String(64)),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.String()),
        _required("created_at", AT),
        _required("expires_at", AT),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"])
    op.create_table(
        "publishers",
        _required("id", sa.String(64)),
        _required("started_at", AT),
        _required("seen_at", AT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publishers")),
    )
    op.create_table(
        "users",
        _required("id", sa.String(36)),
        _required("email", sa.String(320)),
        _required("tier", sa.String(8)),
        sa.Column("password_hash", sa.String()),
        sa.Column("supabase_sub", sa.String(64)),
        _required("owner_tag", sa.String(3)),
        _required("created_at", AT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("owner_tag", name=op.f("uq_users_owner_tag")),
        sa.UniqueConstraint("supabase_sub", name=op.f("uq_users_supabase_sub")),
    )
    op.create_table(
        "accounts",
        _required("id", sa.String(36)),
        _required("user_id", sa.String(36)),
        sa.Column("platform_set_id", sa.String(36)),
        _required("platform", sa.String(16)),
        _required("platform_account_id", sa.String(128)),
        sa.Column("username", sa.String(200)),
        sa.Column("display_name", sa.String(300)),
        sa.Column("avatar_url", sa.String()),
        _required("status", sa.String(8)),
        _required("scopes", sa.JSON()),
        sa.Column("access_token", sa.String()),
        sa.Column("refresh_token", sa.String()),
        sa.Column("token_expires_at", AT),
        sa.Column("refresh_expires_at", AT),
        sa.Column("last_refreshed_at", AT),
        sa.Column("last_error", sa.String()),
        _required("reconnect_required", sa.Boolean()),
        _required("details", sa.JSON()),
        sa.Column("blocked_until", AT),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", AT),
        _required("created_at", AT),
        _required("updated_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_accounts_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_platform_set_id"), "accounts", ["platform_set_id"])
    op.create_index(op.f("ix_accounts_user_id"), "accounts", ["user_id"])
    op.create_index("ux_account_slot", "accounts", ["platform_set_id", "platform"], unique=True, **_where("status <> 'revoked'"))
    op.create_table(
        "api_keys",
        _required("id", sa.String(36)),
        _required("user_id", sa.String(36)),
        _required("name", sa.String(100)),
        _required("prefix", sa.String(24)),
        _required("hash", sa.String(64)),
        _required("created_at", AT),
        sa.Column("last_used_at", AT),
        sa.Column("revoked_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"])
    op.create_table(
        "media_files",
        _required("id", sa.String(36)),
        _required("user_id", sa.String(36)),
        sa.Column("post_id", sa.String(36)),
        _required("secret", sa.String(64)),
        _required("filename", sa.String(255)),
        _required("mime_type", sa.String(64)),
        _required("size_bytes", sa.BigInteger()),
        _required("sha256", sa.String(64)),
        sa.Column("width", sa.Integer()),
        sa.Column("height", sa.Integer()),
        sa.Column("duration_seconds", sa.Float()),
        sa.Column("source_url", sa.String()),
        sa.Column("made_from", sa.String(36)),
        _required("created_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_files_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_files")),
        sa.UniqueConstraint("secret", name=op.f("uq_media_files_secret")),
    )
    op.create_index(op.f("ix_media_files_post_id"), "media_files", ["post_id"])
    op.create_index(op.f("ix_media_files_user_id"), "media_files", ["user_id"])
    op.create_table(
        "oauth_states",
        _required("state_hash", sa.String(64)),
        _required("user_id", sa.String(36)),
        _required("session", sa.String(64)),
        _required("platform", sa.String(16)),
        _required("platform_set_id", sa.String(36)),
        sa.Column("verifier", sa.String()),
        _required("redirect_uri", sa.String()),
        _required("return_to", sa.String()),
        _required("created_at", AT),
        _required("expires_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_oauth_states_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_oauth_states")),
    )
    op.create_table(
        "platform_sets",
        _required("id", sa.String(36)),
        _required("user_id", sa.String(36)),
        _required("name", sa.String(50)),
        _required("is_default", sa.Boolean()),
        _required("created_at", AT),
        _required("updated_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_platform_sets_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_sets")),
    )
    op.create_index(op.f("ix_platform_sets_user_id"), "platform_sets", ["user_id"])
    op.create_index("ux_default_set", "platform_sets", ["user_id"], unique=True, **_where("is_default"))
    op.create_table(
        "posts",
        _required("seq", SEQUENCE),
        _required("id", sa.String(36)),
        _required("user_id", sa.String(36)),
        _required("platform_set_id", sa.String(36)),
        _required("text", sa.String()),
        _required("media", sa.JSON()),
        sa.Column("link_url", sa.String()),
        _required("overrides", sa.JSON()),
        _required("platforms", sa.JSON()),
        _required("status", sa.String(12)),
        sa.Column("scheduled_for", AT),
        sa.Column("published_at", AT),
        _required("created_at", AT),
        _required("updated_at", AT),
        _required("search", sa.String()),
        _required("owner_tag", sa.String(3)),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_posts_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_posts")),
        sa.UniqueConstraint("id", name=op.f("uq_posts_id")),
    )
    op.create_index("ix_posts_set", "posts", ["user_id", "platform_set_id", "seq"])
    op.create_index("ix_posts_status", "posts", ["user_id", "status", "seq"])
    op.create_index("ix_posts_user", "posts", ["user_id", "seq"])
    op.create_table(
        "web_sessions",
        _required("id_hash", sa.String(64)),
        _required("user_id", sa.String(36)),
        _required("created_at", AT),
        _required("expires_at", AT),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_web_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_web_sessions")),
    )
    op.create_index(op.f("ix_web_sessions_user_id"), "web_sessions", ["user_id"])
    op.create_table(
        "platform_posts",
        _required("id", sa.String(36)),
        _required("post_id", sa.String(36)),
        _required("user_id", sa.String(36)),
        _required("post_seq", sa.BigInteger()),
        _required("position", sa.Integer()),
        _required("platform", sa.String(16)),
        sa.Column("account_id", sa.String(36)),
        _required("status", sa.String(12)),
        _required("attempts", sa.Integer()),
        _required("tries", sa.Integer()),
        sa.Column("first_try_at", AT),
        sa.Column("next_at", AT),
        sa.Column("owner", sa.String(64)),
        _required("fence", sa.Integer()),
        sa.Column("remote_id", sa.String()),
        sa.Column("url", sa.String()),
        _required("notes", sa.JSON()),
        sa.Column("error", sa.JSON()),
        sa.Column("published_at", AT),
        _required("created_at", AT),
        _required("updated_at", AT),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_platform_posts_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_platform_posts")),
    )
    op.create_index("ix_due", "platform_posts", ["next_at"], **_where("next_at IS NOT NULL"))
    op.create_index(op.f("ix_platform_posts_account_id"), "platform_posts", ["account_id"])
    op.create_index(op.f("ix_platform_posts_post_id"), "platform_posts", ["post_id"])
    op.create_index("ix_platform_posts_user", "platform_posts", ["user_id", "platform", "post_seq"])
    op.create_index("ux_lane", "platform_posts", ["account_id"], unique=True, **_where("owner IS NOT NULL"))
    op.create_index("ux_platform_post", "platform_posts", ["post_id", "platform"], unique=True)
    op.create_table(
        "publish_intents",
        _required("id", sa.String(36)),
        _required("platform_post_id", sa.String(36)),
        _required("attempt", sa.Integer()),
        _required("step", sa.String(64)),
        _required("fence", sa.Integer()),
        _required("state", sa.String(10)),
        sa.Column("seen", sa.String()),
        _required("looks", sa.Integer()),
        _required("created_at", AT),
        sa.Column("closed_at", AT),
        sa.ForeignKeyConstraint(
            ["platform_post_id"],
            ["platform_posts.id"],
            name=op.f("fk_publish_intents_platform_post_id_platform_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publish_intents")),
    )
    op.create_index("ix_open_intents", "publish_intents", ["state"], **_where("state = 'open'"))
    op.create_index("ux_intent", "publish_intents", ["platform_post_id", "attempt"], unique=True)
    op.create_table(
        "steps",
        _required("platform_post_id", sa.String(36)),
        _required("name", sa.String(64)),
        _required("result", sa.JSON()),
        _required("created_at", AT),
        sa.ForeignKeyConstraint(
            ["platform_post_id"],
            ["platform_posts.id"],
            name=op.f("fk_steps_platform_post_id_platform_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("platform_post_id", "name", name=op.f("pk_steps")),
    )
