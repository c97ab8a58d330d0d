"""`doctor`: one line a check, what was found, and the command or setting that mends it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import ValidationError
from sqlalchemy import func, select, text
from sqlmodel import Session

from ampost_mcp.commands.failing import sentence
from ampost_mcp.settings import PLATFORMS, Settings, load
from storage.database import Database
from storage.queue import ACCOUNTS, PLATFORM_POSTS, PUBLISHERS
from storage.sealing import CannotOpen, Keyring

#: SQLite between these versions can corrupt a WAL when two connections checkpoint at once (fixed in 3.51.3).
WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))
#: LinkedIn supports a version for at least a year (its versioning guide, read 2026-11-22).
LINKEDIN_LIFE = timedelta(days=365)


@dataclass(frozen=True)
class Check:
    name: str
    state: Literal["ok", "warn", "fail"]
    found: str
    fix: str | None = None


def doctor(json: bool = False, data_dir: str | None = None) -> int:
    """Exit status 1 when a check fails."""
    checks = list(_checks(data_dir))
    sys.stdout.write(_as_json(checks) if json else "".join(map(_line, checks)))
    return int(any(check.state == "fail" for check in checks))


def _as_json(checks: list[Check]) -> str:
    return json.dumps({"checks": [asdict(check) for check in checks]}, indent=2) + "\n"


def _line(check: Check) -> str:
    fix = f"  fix: {check.fix}" if check.fix else ""
    return f"{check.state:<5} {check.name:<14} {check.found}{fix}\n"


def _checks(data_dir: str | None) -> Iterator[Check]:
    try:
        settings = load(data_dir=data_dir)
    except ValidationError as error:
        yield Check("settings", "fail", sentence(error), "mend the variable named here")
        return
    yield Check("settings", "ok", "read from the environment and .env")
    for check in (_unknown_settings, _data_folder, _public_url, _sqlite_version, _clients, _linkedin_version):
        yield from check(settings)
    yield from _database(settings)


def _unknown_settings(settings: Settings) -> Iterator[Check]:
    known = {f"AMPOST_{name.upper()}" for name in Settings.model_fields}
    strangers = sorted(name for name in os.environ if name.startswith("AMPOST_") and name.removesuffix("_FILE") not in known)
    if strangers:
        yield Check("settings", "warn", f"unknown: {', '.join(strangers)}", "correct or unset them")


def _data_folder(settings: Settings) -> Iterator[Check]:
    folder = settings.data_dir
    if not folder.exists():
        yield Check("data folder", "warn", f"{folder} does not exist yet", "ampost-mcp serve makes it")
        return
    if not os.access(folder, os.W_OK):
        yield Check(
            "data folder",
            "fail",
            f"{folder} cannot be written to",
            f"chown it to the user that runs the server: {folder}",
        )
        return
    loose = [p.name for p in folder.glob("*.key") if p.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)]
    if loose:
        yield Check("key files", "fail", f"others may read {', '.join(loose)}", f"chmod 600 {folder}/*.key")
    yield Check("data folder", "ok", str(folder))


def _public_url(settings: Settings) -> Iterator[Check]:
    if not settings.public_url:
        found = "not set: platforms that fetch media and OAuth callbacks need an https address"
        yield Check("public url", "warn", found, "set AMPOST_PUBLIC_URL=https://your.host")
    elif not settings.public_url.startswith("https://"):
        yield Check("public url", "warn", f"{settings.public_url} is not https", "put TLS in front and set AMPOST_PUBLIC_URL")
    else:
        yield Check("public url", "ok", settings.public_url)


def _sqlite_version(settings: Settings) -> Iterator[Check]:
    if not settings.database.startswith("sqlite"):
        return
    low, high = WAL_RESET_BUG
    if low <= sqlite3.sqlite_version_info <= high:
        found = f"SQLite {sqlite3.sqlite_version} has the WAL-reset bug; one writer, as here, keeps it away"
        yield Check("sqlite", "warn", found, "use a Python with SQLite 3.51.3 or newer when you can")
    else:
        yield Check("sqlite", "ok", sqlite3.sqlite_version)


def _clients(settings: Settings) -> Iterator[Check]:
    for platform in PLATFORMS:
        client = settings.clients.get(platform)
        if client and not client.redirect_uri.startswith("https://"):
            yield Check(platform, "warn", f"redirect URI {client.redirect_uri} is not https", "set AMPOST_PUBLIC_URL")
        elif client:
            yield Check(platform, "ok", f"client set; register the redirect URI {client.redirect_uri}")
    if not settings.clients and not settings.sandbox:
        yield Check(
            "platforms",
            "warn",
            "no platform has client credentials",
            "set e.g. THREADS_CLIENT_ID and _SECRET, or use --sandbox",
        )


def _linkedin_version(settings: Settings) -> Iterator[Check]:
    version = settings.linkedin_api_version
    try:
        sunset = datetime.strptime(version, "%Y%m").replace(tzinfo=UTC) + LINKEDIN_LIFE
    except ValueError:
        yield Check("linkedin", "fail", f"LINKEDIN_API_VERSION={version} is not YYYYMM", "set it to a month, such as 202605")
        return
    left = (sunset - datetime.now(UTC)).days
    state: Literal["ok", "warn", "fail"] = "ok" if left > 60 else "warn" if left > 0 else "fail"
    found = f"Linkedin-Version {version}, supported until about {sunset:%B %Y}"
    yield Check("linkedin", state, found, None if state == "ok" else "set LINKEDIN_API_VERSION to a newer month")


def _database(settings: Settings) -> Iterator[Check]:
    from storage.migrate import head, revision

    if settings.database.startswith("sqlite") and not (settings.data_dir / "ampost.db").exists() and not settings.database_url:
        yield Check("database", "warn", "not made yet", "ampost-mcp serve makes it")
        return
    try:
        db = Database(settings.database)
        db.read_here(lambda session: session.execute(text("SELECT 1")))
    except Exception as error:
        yield Check("database", "fail", f"cannot be opened ({type(error).__name__})", "check AMPOST_DATABASE_URL")
        return
    try:
        at = revision(db)
        if at != head():
            yield Check("database", "warn", f"schema {at}, this version wants {head()}", "ampost-mcp migrate")
            return
        yield Check("database", "ok", f"{'SQLite' if db.is_sqlite else 'PostgreSQL'}, schema {at}")
        reads: tuple[Callable[[Session, Settings], Iterator[Check]], ...] = (_tokens, _accounts, _publisher)
        for read in reads:
            yield from db.read_here(lambda session, read=read: list(read(session, settings)))  # type: ignore[misc]
    finally:
        db.close()


def _tokens(session: Session, settings: Settings) -> Iterator[Check]:
    keyring = Keyring.of(settings.secrets())
    rows = session.execute(
        select(ACCOUNTS.c.id, ACCOUNTS.c.user_id, ACCOUNTS.c.access_token).where(ACCOUNTS.c.access_token.is_not(None))
    ).all()
    closed = 0
    for row in rows:
        try:
            keyring.open(row.access_token, row.user_id, row.id, "access_token")
        except CannotOpen:
            closed += 1
    if closed:
        yield Check("tokens", "fail", f"{closed} of {len(rows)} cannot be decrypted", "add the old key to AMPOST_SECRET_KEYS")
    else:
        yield Check("tokens", "ok", f"{len(rows)} encrypted tokens open")


def _accounts(session: Session, settings: Settings) -> Iterator[Check]:
    rows = session.execute(
        select(
            ACCOUNTS.c.platform, ACCOUNTS.c.username, ACCOUNTS.c.display_name, ACCOUNTS.c.platform_account_id, ACCOUNTS.c.status,
            ACCOUNTS.c.reconnect_required, ACCOUNTS.c.last_error,
        ).where(ACCOUNTS.c.status != "revoked")
    ).all()  # fmt: skip
    for row in rows:
        if row.reconnect_required or row.status == "expired":
            name = f"@{row.username}" if row.username else row.display_name or f"the account {row.platform_account_id}"
            found = f"{name} must be connected again ({row.last_error or row.status})"
            yield Check(row.platform, "fail", found, f"ampost-mcp connect {row.platform}, or /accounts in the browser")
    yield Check("accounts", "ok", f"{len(rows)} connected")


def _publisher(session: Session, settings: Settings) -> Iterator[Check]:
    seen = session.execute(select(func.max(PUBLISHERS.c.seen_at))).scalar()
    p = PLATFORM_POSTS
    now = datetime.now(UTC)
    overdue = session.execute(
        select(func.count()).select_from(p).where(p.c.next_at < now - timedelta(minutes=1), p.c.owner.is_(None))
    ).scalar_one()
    if overdue:
        yield Check("publisher", "fail", f"{overdue} platform posts are overdue", "run ampost-mcp serve (or worker)")
    elif seen is None or now - seen > timedelta(minutes=1):
        yield Check("publisher", "warn", "none is running", "ampost-mcp serve")
    else:
        yield Check("publisher", "ok", f"{overdue} overdue")
