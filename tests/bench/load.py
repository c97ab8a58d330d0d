"""A load over keep-alive connections, and what it cost the server."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

#: Connections of a load, if nothing else is said.
CONNECTIONS = 8


@dataclass(frozen=True)
class Cost:
    """`cpu_us` is the server's CPU time a request; `p50` and `p99` are milliseconds."""

    requests: int
    per_second: float
    cpu_us: float
    p50: float
    p99: float
    failed: int

    def __str__(self) -> str:
        failed = f"  {self.failed} FAILED" if self.failed else ""
        return f"{self.cpu_us:7.0f} us CPU  {self.per_second:7.0f} /s  p50 {self.p50:6.2f} ms  p99 {self.p99:7.2f} ms{failed}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def request(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """An HTTP/1.1 request as bytes."""
    parts = urlsplit(url)
    lines = [f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", f"host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def measure(pid: int, url: str, requests: list[bytes], *, connections: int = CONNECTIONS, seconds: float = 3) -> Cost:
    """Sends `requests` for `seconds`, each over one of `connections` (all over every one, when they are fewer), and counts
    the CPU of process `pid`."""
    parts = urlsplit(url)
    took: list[float] = []
    failed = 0
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        nonlocal failed
        mine = itertools.cycle(requests[number::connections] or requests)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        while time.perf_counter() < end:
            began = time.perf_counter()
            writer.write(next(mine))
            failed += not await _answered(reader)
            took.append(time.perf_counter() - began)
        writer.close()

    before, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    spent, lasted = cpu_seconds(pid) - before, time.perf_counter() - began
    took.sort()
    pick = lambda share: took[min(len(took) - 1, int(len(took) * share))] * 1000  # noqa: E731
    return Cost(len(took), len(took) / lasted, spent / len(took) * 1e6, pick(0.5), pick(0.99), failed)


async def _answered(reader: asyncio.StreamReader) -> bool:
    """Reads one answer; True for a 2xx that is not a tool's error."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        body = b""
        while (size := int((await reader.readuntil(b"\r\n")).strip(), 16)) > 0:
            body += await reader.readexactly(size + 2)
        await reader.readexactly(2)
    else:
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
    return head[9:10] == b"2" and b'"isError":true' not in body
