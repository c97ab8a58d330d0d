"""How a table of platform errors reads, and what the simulator answers for each of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Answer = tuple[int, dict[str, str], Any]
#: What the simulator answers for a key; None when the account's own state brings the error about.
Answering = Callable[[str], Answer | None]


@dataclass(frozen=True)
class Row:
    """One documented error. `step` is the simulator's step that answers with it, `post` what is being published.

    `kind` is the class of the error, and so how the platform post goes on:
    transient  stands as pending with its error, and goes out when it is tried again
    quota      the same, and nothing else of the account is sent meanwhile
    limit      a quota that lasts longer than the server tries: failed, and may be retried
    auth       failed, and the account has to be connected again
    content, identity, config, unknown: failed, and not to be retried unchanged
    unclear    it may be out all the same: failed with an unknown outcome
    `code` is the error's code, or its broker code where the code is BROKER_ERROR; `says` words of the hint.
    """

    platform: str
    step: str
    post: str
    key: str
    kind: str
    code: str
    says: str
    answer: Answering

    def __str__(self) -> str:
        return f"{self.platform}-{self.step}-{self.key}"


def rows(platform: str, step: str, post: str, answer: Answering, table: str) -> Iterator[Row]:
    """The rows of a table: `keys, with commas | class | code | words of the hint` a line."""
    for line in filter(None, map(str.strip, table.splitlines())):
        keys, kind, code, says = (part.strip() for part in line.split("|"))
        for key in keys.split(","):
            yield Row(platform, step, post, key.strip(), kind, code, says, answer)


def graph(key: str) -> Answer:
    """A refusal of the Graph API: `code/subcode`, or a code alone."""
    code, _, subcode = key.partition("/")
    error = {"message": f"(#{code}) Documented error", "type": "OAuthException", "code": int(code), "fbtrace_id": "Sim"}
    return 400, {}, {"error": error | ({"error_subcode": int(subcode)} if subcode else {})}


def container(status: str, said: str) -> Callable[[str], Answer]:
    """A container that failed: its status under the name `status`, the reason under the name `said`."""

    def answer(key: str) -> Answer:
        return 200, {}, {"id": "1", status: "EXPIRED" if key == "EXPIRED" else "ERROR", said: f"Error code {key}"}

    return answer


def documented(errors: Callable[[], dict[str, Answer]]) -> Answering:
    """The simulator's own list, asked anew each time: some answers name a time."""
    return lambda key: errors()[key]


def by_state(key: str) -> None:
    """The account's own state on the simulator."""
