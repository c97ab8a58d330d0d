"""The token columns of an account, and the lease under which one task at a time refreshes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam
from sqlalchemy import select as rows_of
from sqlmodel import Session, select

from storage.tables import Account, metadata

ACCOUNTS = metadata.tables["accounts"]
_ITS_ROW = rows_of(ACCOUNTS).where(ACCOUNTS.c.id == bindparam("its_id"))


def load(session: Session, account_id: str | None) -> Account | None:
    """For the publisher, which works for every user. A plain row with an account's attributes, to read: every publish
    asks for one, and an object of the session costs twice the time."""
    return cast(Account | None, session.execute(_ITS_ROW, {"its_id": account_id}).first())


def own(session: Session, user_id: str, account_id: str) -> Account | None:
    return session.exec(select(Account).where(Account.id == account_id, Account.user_id == user_id)).first()


def lease(
    session: Session, account_id: str, seen: str | None, owner: str, now: datetime, until: datetime
) -> tuple[Account | None, bool]:
    """The account, and whether `owner` may refresh it now: not when another holds the lease, nor when its access token
    is no longer the one that was `seen` (sealed)."""
    account = _locked(session, account_id)
    if account is None or account.access_token != seen or account.reconnect_required:
        return account, False
    if account.lease_owner and account.lease_until and account.lease_until > now:
        return account, False
    account.lease_owner, account.lease_until = owner, until
    session.add(account)
    session.flush()
    return account, True


def finish(session: Session, account_id: str, seen: str | None, owner: str, now: datetime, /, **values: Any) -> None:
    """Stores what came of a refresh and gives the lease back. Does nothing when the account was disconnected or
    connected anew meanwhile."""
    account = _locked(session, account_id)
    if account is not None and account.lease_owner == owner:
        mine = account.status != "revoked" and account.access_token == seen
        _set(session, account, now, lease_owner=None, lease_until=None, **(values if mine else {}))


def change(session: Session, account_id: str, now: datetime, /, **values: Any) -> None:
    account = _locked(session, account_id)
    if account is not None and account.status != "revoked":
        _set(session, account, now, **values)


def _set(session: Session, account: Account, now: datetime, **values: Any) -> None:
    for name, value in values.items():
        setattr(account, name, value)
    account.updated_at = now
    session.add(account)


def _locked(session: Session, account_id: str) -> Account | None:
    return session.exec(select(Account).where(Account.id == account_id).with_for_update()).first()
