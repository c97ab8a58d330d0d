"""An open installation: folder, database at this version's schema, keys that open what is stored, HTTP client."""

from __future__ import annotations

import os

from limits.errors import ConfigurationError
from sqlalchemy.exc import ArgumentError, DBAPIError

from ampost_mcp.context import App, Clock, utc_now
from ampost_mcp.settings import Settings
from ampost_mcp.tiers import Limiter
from brokers import BROKERS
from brokers.platform_http import POOLS, new_client
from storage.accounts import newest_tokens
from storage.database import Database
from storage.migrate import NewerSchema, upgrade
from storage.sealing import Keyring

#: Stored tokens that are looked at; one that was sealed with a key of the ring will do.
TRIED = 50


class CannotStart(Exception):
    """What is wrong with the installation and how to mend it, in one or two sentences."""


def opened(settings: Settings, clock: Clock = utc_now) -> App:
    """Opens and migrates. Raises CannotStart."""
    if settings.sandbox and not settings.platforms_url:
        settings = settings.model_copy(update={"platforms_url": f"{settings.near}/sandbox"})
    limiter = _limiter(settings)
    _make_folder(settings)
    db = _database(settings)
    try:
        keyring = Keyring.of(settings.secrets())
        sealed_by = {token.split(".")[1] for token in db.read_here(newest_tokens, TRIED)}
        if sealed_by and sealed_by.isdisjoint(keyring.keys):
            raise CannotStart(
                "The stored tokens were encrypted with another key: set AMPOST_SECRET_KEYS (or put back "
                f"{settings.data_dir / 'secret.key'}) as it was when the accounts were connected."
            )
        app = App(settings, db, keyring, new_client(POOLS), BROKERS, clock)
        app.extras["limiter"] = limiter
    except BaseException:
        db.close()
        raise
    return app


def _make_folder(settings: Settings) -> None:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        reason = "" if os.access(folder, os.W_OK | os.X_OK) else "permission denied"
    except OSError as error:
        reason = str(error.strerror).lower()
    if reason:
        raise CannotStart(
            f"The data folder {folder} cannot be used: {reason}. "
            "Give it to the user that runs this, or choose another with --data-dir or AMPOST_DATA_DIR."
        )


def _database(settings: Settings) -> Database:
    try:
        db = Database(settings.database)
    except OSError as error:
        raise CannotStart(f"{error.filename} cannot be made: {error.strerror}. Check AMPOST_DATABASE_URL.") from error
    except (ArgumentError, ValueError) as error:  # without its words, which may hold a part of the password
        raise CannotStart(
            "AMPOST_DATABASE_URL is not the URL of a database that can be used: "
            "give sqlite:///path or postgresql://user:password@host/database."
        ) from error
    try:
        upgrade(db)
    except (DBAPIError, NewerSchema) as error:
        db.close()
        raise CannotStart(_why(error)) from error
    return db


def _why(error: Exception) -> str:
    if not isinstance(error, DBAPIError):
        return str(error)
    said = str(error.orig).splitlines()[0].strip().rstrip(".")
    return f"The database cannot be used: {said}. Check AMPOST_DATABASE_URL and that the database is up."


def _limiter(settings: Settings) -> Limiter:
    try:
        return Limiter(settings.rate_limit_storage)
    except ConfigurationError as error:
        raise CannotStart(
            "AMPOST_RATE_LIMIT_STORAGE cannot be used: give memory://, or redis://host:port (needs ampost-mcp[redis])."
        ) from error
