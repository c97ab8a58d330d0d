"""What is known of the files below the data folder's `media/`: uploads, copies fetched for a post, conversions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, delete, exists, func, or_, update
from sqlmodel import Session, col, select

from storage.tables import MediaFile, Post

#: Post statuses in which a publisher may still read a copy.
_BUSY = ("queued", "posting")
#: How many files one sweep looks at.
_WINDOW = 500


def add(session: Session, file: MediaFile) -> MediaFile:
    session.add(file)
    session.flush()
    return file


def by_secret(session: Session, secret: str) -> MediaFile | None:
    """The file behind an unguessable URL, whoever asks."""
    return session.exec(select(MediaFile).where(MediaFile.secret == secret)).first()


def own(session: Session, user_id: str, secret: str) -> MediaFile | None:
    return session.exec(select(MediaFile).where(MediaFile.secret == secret, MediaFile.user_id == user_id)).first()


def fetched(session: Session, user_id: str, post_id: str, source_url: str) -> MediaFile | None:
    return session.exec(
        select(MediaFile)
        .where(MediaFile.user_id == user_id, MediaFile.post_id == post_id, MediaFile.source_url == source_url)
        .order_by(col(MediaFile.created_at).desc())
    ).first()


def converted(session: Session, user_id: str, made_from: str, mime_type: str, most: int | None) -> MediaFile | None:
    """A conversion of the file that is at hand already and has at most `most` bytes."""
    found = select(MediaFile).where(
        MediaFile.user_id == user_id, MediaFile.made_from == made_from, MediaFile.mime_type == mime_type
    )
    return session.exec(found if most is None else found.where(MediaFile.size_bytes <= most)).first()


def attach(session: Session, user_id: str, ids: Iterable[str], post_id: str) -> None:
    """Says which post uploads belong to."""
    session.execute(
        update(MediaFile).where(col(MediaFile.id).in_(list(ids)), col(MediaFile.user_id) == user_id).values(post_id=post_id)
    )


def remove(session: Session, user_id: str, id: str) -> None:
    session.execute(delete(MediaFile).where(col(MediaFile.id) == id, col(MediaFile.user_id) == user_id))


def known_ids(session: Session) -> set[str]:
    return set(session.exec(select(MediaFile.id)))


def unused(session: Session, before: datetime) -> list[str]:
    """Ids of files older than `before` that look unused: copies whose post is at rest, uploads that their post does not
    name. `remove_unused` looks again before anything goes."""
    of_post = col(MediaFile.post_id) == col(Post.id)
    is_copy = or_(col(MediaFile.source_url).is_not(None), col(MediaFile.made_from).is_not(None))
    busy = exists().where(of_post, col(Post.status).in_(_BUSY))
    named = exists().where(of_post, col(Post.status) != "discarded", _names(col(MediaFile.secret)))
    rows = select(MediaFile.id).where(
        MediaFile.created_at < before, or_(and_(is_copy, ~busy), and_(~is_copy, ~named))
    )  # fmt: skip
    return list(session.exec(rows.limit(_WINDOW)))


def remove_unused(session: Session, id: str) -> bool:
    """Forgets a file, unless a living post of its user names it: then it belongs to that post from now on."""
    file = session.get(MediaFile, id)
    if file is None:
        return False
    is_copy = file.source_url is not None or file.made_from is not None
    needed = select(Post.id).where(Post.user_id == file.user_id).limit(1)
    if is_copy:
        needed = needed.where(Post.id == file.post_id, col(Post.status).in_(_BUSY))
    else:
        needed = needed.where(Post.status != "discarded", _names(file.secret))
    post_id = session.exec(needed).first()
    if post_id is not None:
        attach(session, file.user_id, [id], post_id)
        return False
    session.execute(delete(MediaFile).where(col(MediaFile.id) == id))
    return True


def _names(secret: Any) -> ColumnElement[bool]:
    """Whether a post's media name the file."""
    return func.replace(cast(col(Post.media), Text), secret, "") != cast(col(Post.media), Text)
