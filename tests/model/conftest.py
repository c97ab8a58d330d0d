"""The ground that the model test stands on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event

from ampost_mcp.context import App, Caller
from storage.database import Database
from tests.model.world import GRACE, LANES, Ground


@pytest.fixture
def db(db: Database) -> Database:
    """Nobody pulls the plug here: nothing has to reach the disk."""
    if db.is_sqlite:
        event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    return db


@pytest.fixture
def ground(app: App, a_user: Callable[..., Caller], a_set: Callable[..., str], an_account: Callable[..., str]) -> Ground:
    caller = a_user()
    sets = (a_set(caller), a_set(caller, "Other"))
    for set_id in sets:
        for platform in LANES:
            an_account(caller, platform, set_id, refreshable=True)
    changes = {"publish_wait": 0, "late_grace": GRACE, "scheduling": "all", "processing_poll": None, "platform_timeout": 1}
    settings = app.settings.model_copy(update=changes | {"platforms_url": "http://platforms.invalid"})
    return Ground(app.db, settings, app.keyring, app.http, caller, sets)
