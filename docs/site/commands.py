"""The page of the commands, written from their declarations."""

from __future__ import annotations

from typing import Any

import typer

from moatlab.cli.main import app
from reference import escaped


def page() -> str:
    """Every command with its arguments and options."""
    parts = [
        "# Commands\n",
        "Every command, with its arguments and options, as `moatlab COMMAND --help` prints them. What is wrong in a "
        "command is said in one line, and the exit code is 2.\n",
    ]
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        if not command.hidden:
            parts.append(_command(name, command))
    return "\n".join(parts)


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = " ".join(["moatlab", name, *(_argument(a) for a in arguments), *(["[OPTIONS]"] if options else [])])
    lines = [f"## {name} {{#{name}}}\n", f"{escaped(_plain(command.help))}\n", f"    {usage}\n", ""]
    lines += [f"- **`{_argument(a)}`**: {escaped(_plain(a.help))}" for a in arguments if getattr(a, "help", None)]
    lines += [_option(option) for option in options]
    return "\n".join([*lines, ""])


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name or "").strip("{}").upper()
    name += "..." if argument.nargs == -1 else ""
    return name if argument.required else f"[{name}]"


def _option(option: Any) -> str:
    spelt = ", ".join(f"`{name}`" for name in option.opts)
    default = option.default if isinstance(option.default, (int, float, str)) else None
    shown = f" Default: `{default}`." if default is not None and not option.is_flag and not option.multiple else ""
    value = "" if option.is_flag else f" `{option.metavar or option.name.strip('_').upper()}`"
    more = " Can be repeated." if option.multiple else ""
    return f"- **{spelt}**{value}: {escaped(_plain(option.help))}{shown}{more}"


def _plain(text: str | None) -> str:
    """A help text in one line."""
    return " ".join((text or "").split())
