"""Connected accounts of a user. Their tokens are the business of `storage.tokens`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, or_, select, update
from sqlmodel import Session

from storage.sealing import Keyring
from storage.tables import metadata, new_id

ACCOUNTS = metadata.tables["accounts"]
PLATFORM_POSTS = metadata.tables["platform_posts"]

#: What a revoked account keeps of its credentials: nothing.
REVOKED: dict[str, Any] = {
    "status": "revoked", "access_token": None, "refresh_token": None, "token_expires_at": None,
    "refresh_expires_at": None, "lease_owner": None, "lease_until": None,
}  # fmt: skip
SEALED = ("access_token", "refresh_token")
#: When an account stops working unless a person does something, NULL: never that we know of. A token that the server
#: renews by itself is well until the credential that renews it runs out.
ENDS_AT = case((ACCOUNTS.c.refresh_token.is_(None), ACCOUNTS.c.token_expires_at), else_=ACCOUNTS.c.refresh_expires_at)
#: Whether it can publish at the parameter `now`.
IS_ACTIVE = and_(
    ACCOUNTS.c.status != "revoked",
    ~ACCOUNTS.c.reconnect_required,
    or_(ENDS_AT.is_(None), bindparam("now", type_=ACCOUNTS.c.token_expires_at.type) < ENDS_AT),
)
_IN_SET = select(ACCOUNTS.c.platform, ACCOUNTS.c.id).where(
    ACCOUNTS.c.platform_set_id == bindparam("set_id"), ACCOUNTS.c.user_id == bindparam("user_id"), IS_ACTIVE
)


def rows(
    session: Session, user_id: str, *, platform: str | None = None, platform_set_id: str | None = None
) -> list[dict[str, Any]]:
    """The user's accounts that are not revoked, oldest first."""
    found = select(ACCOUNTS).where(ACCOUNTS.c.user_id == user_id, ACCOUNTS.c.status != "revoked")
    if platform is not None:
        found = found.where(ACCOUNTS.c.platform == platform)
    if platform_set_id is not None:
        found = found.where(ACCOUNTS.c.platform_set_id == platform_set_id)
    ordered = found.order_by(ACCOUNTS.c.created_at, ACCOUNTS.c.id)
    return [dict(row) for row in session.execute(ordered).mappings()]


def get(session: Session, user_id: str, account_id: str) -> dict[str, Any] | None:
    """One account, a revoked one too."""
    mine = (ACCOUNTS.c.id == account_id) & (ACCOUNTS.c.user_id == user_id)
    row = session.execute(select(ACCOUNTS).where(mine)).mappings().first()
    return dict(row) if row else None


def in_set(session: Session, user_id: str, set_id: str, now: datetime) -> dict[str, str]:
    """Platform -> id of the active account that a set publishes with there."""
    return dict(session.execute(_IN_SET, {"set_id": set_id, "user_id": user_id, "now": now}).all())


def ends_at(row: Mapping[str, Any]) -> datetime | None:
    """`ENDS_AT` of a row that was read."""
    ends: datetime | None = row["token_expires_at"] if row["refresh_token"] is None else row["refresh_expires_at"]
    return ends


def connect(
    session: Session, user_id: str, set_id: str, platform: str, platform_account_id: str,
    fill: Callable[[str], dict[str, Any]], now: datetime,
) -> str:  # fmt: skip
    """Connects an identity to the set's slot of a platform; answers the account's id. The same identity keeps its row,
    another one takes the place of whoever was there. `fill` makes the other columns (sealed tokens) for that id.

    What the set has not published yet goes out through the account that is connected now.
    """
    slot = (ACCOUNTS.c.platform_set_id == set_id) & (ACCOUNTS.c.platform == platform) & (ACCOUNTS.c.user_id == user_id)
    former = session.execute(
        select(ACCOUNTS.c.id, ACCOUNTS.c.platform_account_id).where(slot, ACCOUNTS.c.status != "revoked")
        .with_for_update()
    ).first()  # fmt: skip
    if former is not None and former.platform_account_id == platform_account_id:
        account_id = str(former.id)
        fresh = {"status": "active", "reconnect_required": False, "last_error": None, "blocked_until": None}
        values = {**fresh, "updated_at": now, **fill(account_id)}
        session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == account_id).values(values))
        return account_id
    if former is not None:
        session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == former.id).values(**REVOKED, updated_at=now))
    account_id = new_id()
    values = {
        "id": account_id, "user_id": user_id, "platform_set_id": set_id, "platform": platform,
        "platform_account_id": platform_account_id, "created_at": now, "updated_at": now, **fill(account_id),
    }  # fmt: skip
    session.execute(ACCOUNTS.insert().values(values))
    _hand_over(session, slot, account_id)
    return account_id


def _hand_over(session: Session, slot: Any, account_id: str) -> None:
    """Lets the slot's newest account publish what its former ones have not."""
    p = PLATFORM_POSTS
    former = select(ACCOUNTS.c.id).where(slot, ACCOUNTS.c.id != account_id)
    waiting = p.c.account_id.in_(former) & p.c.owner.is_(None) & p.c.status.in_(("pending", "failed"))
    session.execute(update(p).where(waiting).values(account_id=account_id))


def newest_tokens(session: Session, most: int) -> list[str]:
    """The sealed access tokens of all users' latest accounts, at most `most`."""
    token = ACCOUNTS.c.access_token
    found = select(token).where(token.is_not(None)).order_by(ACCOUNTS.c.created_at.desc()).limit(most)
    return list(session.execute(found).scalars())


def revoke(session: Session, user_id: str, account_id: str, now: datetime) -> bool:
    """Clears the tokens; False when the user has no such account that is not revoked yet."""
    mine = (ACCOUNTS.c.id == account_id) & (ACCOUNTS.c.user_id == user_id) & (ACCOUNTS.c.status != "revoked")
    changed = session.execute(update(ACCOUNTS).where(mine).values(**REVOKED, updated_at=now))
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def revoke_set(session: Session, user_id: str, set_id: str, now: datetime) -> None:
    """Revokes every account of a set."""
    theirs = (ACCOUNTS.c.platform_set_id == set_id) & (ACCOUNTS.c.user_id == user_id)
    session.execute(update(ACCOUNTS).where(theirs, ACCOUNTS.c.status != "revoked").values(**REVOKED, updated_at=now))


def reseal(session: Session, keyring: Keyring) -> int:
    """Seals all users' tokens with the first key of the ring; answers how many were not yet."""
    changed = 0
    columns = [ACCOUNTS.c[name] for name in SEALED]
    for row in session.execute(select(ACCOUNTS.c.id, ACCOUNTS.c.user_id, *columns).with_for_update()).all():
        old = {name: sealed for name, sealed in zip(SEALED, row[2:], strict=True) if sealed}
        new = {
            name: keyring.seal(keyring.open(sealed, row.user_id, row.id, name), row.user_id, row.id, name)
            for name, sealed in old.items()
            if not keyring.is_current(sealed)
        }
        if new:
            session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == row.id).values(new))
            changed += len(new)
    return changed
