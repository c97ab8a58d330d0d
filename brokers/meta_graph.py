"""What Facebook, Instagram and Threads share: the Graph API's error shape and version."""

from __future__ import annotations

from collections.abc import Mapping

from brokers.errors import ErrorRow, PlatformError, ReadError, Reply, from_row

#: Graph API version of 2026-07-29.
VERSION = "v26.0"


def read_graph_error(rows: Mapping[str, ErrorRow]) -> ReadError:
    """Reads `{"error": {message, type, code, error_subcode, is_transient, error_user_msg}}`.

    `rows` is keyed by `"code/subcode"`, `"*/subcode"`, or `"code"`, looked up in this order.
    """

    def read(reply: Reply) -> PlatformError | None:
        error = reply.body.get("error") if isinstance(reply.body, dict) else None
        if not isinstance(error, dict):
            return None
        code, subcode = error.get("code"), error.get("error_subcode")
        keys = [f"{code}/{subcode}", f"*/{subcode}", str(code)] if subcode else [str(code)]
        row = next((rows[key] for key in keys if key in rows), None)
        if row is None:
            transient = bool(error.get("is_transient"))
            row = ErrorRow("transient" if transient else "unknown", broker_code="PLATFORM_ERROR")
        said = str(error.get("error_user_msg") or error.get("message") or "The platform refused the request.")
        return from_row(row, reply, said[:500], keys[0])

    return read
