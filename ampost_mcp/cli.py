"""The commands. Only the parser is imported here: `--help` must not wait for the server's packages."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

PLATFORMS = ("facebook", "instagram", "linkedin", "threads", "tiktok", "twitter", "youtube")
TIERS = ("free", "pro", "max")
CLIENTS = ("claude-code", "claude-desktop", "cursor", "vscode")
#: Commands whose ordinary end is SIGTERM, with exit status 0.
UNTIL_TOLD = frozenset({"serve", "worker", "stdio", "sandbox", "demo"})
LONGEST_LIFE = 10 * 366 * 86400

Argument = tuple[tuple[str, ...], dict[str, Any]]


def arg(*names: str, **options: Any) -> Argument:
    return names, options


def either(*arguments: Argument) -> Argument:
    """Options of which exactly one must be given."""
    return tuple(name for names, _ in arguments for name in names), {"either": arguments}


def life(text: str) -> float:
    """Seconds that a token may still live."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= LONGEST_LIFE:  # which a NaN is not
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and of ten years at most")
    return seconds


def link(text: str) -> str:
    if not text.isprintable() or not re.fullmatch(r"https?://[^\s/?#]+(?:[/?#]\S*)?", text, re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a link: give the post's, which begins with https://")
    return text


JSON = arg("--json", action="store_true", help="answer as JSON")
USER = arg("--user", required=True, metavar="EMAIL", help="whose it is")
DATA = arg("--data-dir", metavar="DIR", help="database, keys and uploads (default ./ampost-data)")
SERVER = (
    arg("--host", help="address to listen on (default 127.0.0.1)"),
    arg("--port", type=int, help="port to listen on (default 8080)"),
    DATA,
)

#: Command -> what it does, where it lives (`module:function`), its arguments.
COMMANDS: dict[str, tuple[str, str, tuple[Argument, ...]]] = {
    "serve": (
        "run the server: MCP, REST, dashboard and publisher (the default command)",
        "serving:serve",
        (
            *SERVER,
            arg("--sandbox", action="store_true", default=None, help="bring the platform simulator and connect to it"),
            arg("--no-worker", action="store_false", dest="with_worker", default=None, help="leave publishing to workers"),
        ),
    ),
    "worker": ("run a publisher alone, beside servers on PostgreSQL", "serving:worker", (DATA,)),
    "stdio": ("MCP over stdio, for desktop clients; safe beside a running server", "serving:stdio", (DATA,)),
    "demo": (
        "the main job on the simulator: no account, no network",
        "demo:demo",
        (arg("--keep", action="store_true", help="leave the server up"),),
    ),
    "sandbox": (
        "run the platform simulator alone",
        "serving:sandbox",
        (
            arg("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)"),
            arg("--port", type=int, default=8090, help="port to listen on (default 8090)"),
            arg("--ledger", metavar="FILE", help="keep what was published in this file"),
        ),
    ),
    "users create": (
        "make a user with a default set; prints the id",
        "admin:create_user",
        (
            arg("email", metavar="EMAIL"),
            arg("--tier", choices=TIERS, default="pro"),
            arg("--password-stdin", action="store_true", help="read a dashboard password from standard input"),
            DATA,
        ),
    ),
    "users password": (
        "set a user's password for the dashboard; asks for it, or reads a line from standard input",
        "admin:set_password",
        (arg("email", metavar="EMAIL"), DATA),
    ),
    "users tier": (
        "change a user's tier", "admin:set_tier", (arg("email", metavar="EMAIL"), arg("tier", choices=TIERS), DATA),
    ),
    "users list": ("list users", "admin:list_users", (JSON, DATA)),
    "keys create": (
        "make an API key; prints it, once", "admin:create_key", (USER, arg("--name", required=True, help="what it is for"), DATA),
    ),
    "keys list": ("list API keys", "admin:list_keys", (JSON, DATA)),
    "keys revoke": ("revoke an API key", "admin:revoke_key", (arg("id", metavar="ID"), DATA)),
    "sets create": (
        "make a platform set; prints the id",
        "admin:create_set",
        (USER, arg("--name", required=True, help="what it is called"), DATA),
    ),
    "sets default": ("make a set its owner's default", "admin:default_set", (arg("id", metavar="SET_ID"), DATA)),
    "sets list": ("list platform sets", "admin:list_sets", (JSON, DATA)),
    "connect": (
        'connect an account without a browser; reads {"accessToken", "refreshToken"} from standard input',
        "admin:connect",
        (
            arg("platform", choices=PLATFORMS),
            USER,
            arg("--set", required=True, dest="set_id", metavar="SET_ID"),
            arg(
                "--platform-account-id", metavar="ID",
                help="the account's id on the platform (else it is asked); write =ID for one that begins with a dash",
            ),
            arg("--username", metavar="NAME"),
            arg("--expires-in", type=life, metavar="SECONDS", help="life of the access token"),
            DATA,
        ),
    ),
    "settle": (
        "decide a platform post whose outcome is unknown",
        "admin:settle",
        (
            arg("post", metavar="POST_ID"),
            arg("platform", choices=PLATFORMS),
            either(
                arg("--published", type=link, metavar="URL", help="it is there, at this link"),
                arg("--not-published", action="store_true", help="it is not there; posts_retry may send it again"),
            ),
            DATA,
        ),
    ),
    "doctor": ("check the installation; one line a check", "doctor:doctor", (JSON, DATA)),
    "migrate": ("bring the database to this version's schema", "upkeep:migrate", (DATA,)),
    "rotate-keys": ("encrypt every token with the first of AMPOST_SECRET_KEYS", "upkeep:rotate_keys", (DATA,)),
    "openapi": ("print the OpenAPI document", "upkeep:openapi", ()),
    "mcp-config": (
        "print the configuration for an MCP client",
        "upkeep:mcp_config",
        (
            arg("--client", required=True, choices=CLIENTS),
            arg("--key", default="amp_live_YOUR_KEY", help="the API key to fill in"),
            DATA,
        ),
    ),
    "version": ("print the version", "upkeep:version", ()),
}  # fmt: skip


class CommandError(Exception):
    """What is wrong and how to mend it, in one sentence."""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="ampost-mcp",
        description="A self-hosted social media publishing server that AI agents drive over MCP.",
        epilog="Without a command, ampost-mcp serves. Settings are environment variables; see the README.",
    )
    commands = top.add_subparsers(metavar="COMMAND", dest="command")
    groups: dict[str, Any] = {}
    for name, (what, where, arguments) in COMMANDS.items():
        group, _, leaf = name.partition(" ")
        if leaf and group not in groups:
            nested = commands.add_parser(group, help=f"{group}: {_leaves(group)}")
            groups[group] = nested.add_subparsers(metavar="COMMAND", required=True)
        command = (groups[group] if leaf else commands).add_parser(leaf or name, help=what, description=what)
        command.set_defaults(run=where)
        for argument in arguments:
            _add(command, *argument)
    return top


def _add(command: Any, names: tuple[str, ...], options: dict[str, Any]) -> None:
    if "either" not in options:
        command.add_argument(*names, **options)
        return
    group = command.add_mutually_exclusive_group(required=True)
    for argument in options["either"]:
        _add(group, *argument)


def _leaves(group: str) -> str:
    return ", ".join(name.split(" ")[1] for name in COMMANDS if name.startswith(group + " "))


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command and exits: 0, 1 with one sentence when it failed, 2 for wrong usage."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["serve", *given]
    options = vars(parser().parse_args(given))
    module, _, function = options.pop("run").partition(":")
    if options.pop("command") in UNTIL_TOLD:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        status = _imported(f"ampost_mcp.commands.{module}", function)(**options) or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except Exception as error:
        from ampost_mcp.commands.failing import sentence

        sys.stderr.write(f"ampost-mcp: {sentence(error)}\n")
        status = 1
    sys.exit(status)


def _imported(module: str, function: str) -> Callable[..., int | None]:
    """Nothing that imports make is garbage; looking for some among it takes a fifth of their time."""
    gc.disable()
    try:
        found: Callable[..., int | None] = getattr(importlib.import_module(module), function)
    finally:
        gc.freeze()
        gc.enable()
    return found
