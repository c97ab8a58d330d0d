"""Connections under way. The browser carries the state; here lies its SHA-256."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from storage.tables import OAuthState


def add(session: Session, state: OAuthState, now: datetime) -> None:
    """Begins a connection; those that have run out are cleared on the way."""
    session.execute(delete(OAuthState).where(col(OAuthState.expires_at) <= now))
    session.add(state)


def take(session: Session, user_id: str, browser: str, state_hash: str, now: datetime) -> OAuthState | None:
    """Uses a state up, for the user and browser session that began it. None for any other, unknown or expired."""
    found = session.exec(
        select(OAuthState)
        .where(OAuthState.state_hash == state_hash, OAuthState.user_id == user_id, OAuthState.session == browser)
        .with_for_update()
    ).first()
    if found is None:
        return None
    session.execute(delete(OAuthState).where(col(OAuthState.state_hash) == state_hash))
    session.expunge(found)
    return found if found.expires_at > now else None
