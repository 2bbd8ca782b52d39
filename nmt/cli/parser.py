"""The command line: `nmt COMMAND ...`, options anywhere, one line for a mistake.

A command is a module of this room with
    HELP                  what it does, in a line
    EXAMPLE               a command line that shows it
    add_arguments(parser) its arguments
    run(args)             what it does with them; it imports what takes long
and, where it has them,
    NEEDS                 modules without which it would be refused half-way
    VARIANTS              flag -> such a module: another command, which knows nothing of the first
                          one's arguments
"""

import argparse
import importlib
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from nmt import __version__
from nmt.errors import did_you_mean

COMMANDS = (
    "train",
    "fetch",
    "translate",
    "fill",
    "serve",
    "evaluate",
    "correct",
    "score",
    "filter",
    "bulk",
    "augment",
    "generate",
    "runs",
    "export",
    "compare",
    "sweep",
    "bench",
    "recipes",
    "options",
    "schema",
    "completion",
)
REPEATED = ("text", "overrides", "words", "run", "file")  # arguments that may take several values
OPTION = re.compile(r"--?[A-Za-z]\S*")  # what else begins with a hyphen is text


class Parser(argparse.ArgumentParser):
    """A mistake is one line, as everywhere; the usage is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


class CommandParser(Parser):
    """The parser of one command, or of its variant if the flag of that is among the arguments."""

    def __init__(self, module: ModuleType, flag: str = "", ordinary: Any = None, **options: Any):
        super().__init__(
            description=module.HELP,
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )
        self.flag = flag
        self.ordinary = ordinary  # of a variant: the command without its flag
        self.variants = {
            flag: CommandParser(variant, flag, self, prog=self.prog)
            for flag, variant in getattr(module, "VARIANTS", {}).items()
        }
        needs = getattr(module, "NEEDS", ())
        self.set_defaults(run_command=module.run, needs=needs, parser=self)
        # Without a default, or it would undo what stands before the command.
        _add_debug(self, argparse.SUPPRESS)
        module.add_arguments(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        typed = {arg.partition("=")[0] for arg in _before_dashes(args)}
        variant = next((self.variants[flag] for flag in self.variants if flag in typed), None)
        if variant:
            return variant.parse_known_args(args, namespace)
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        """The help of the command, and of its variants below."""
        parts = [super().format_help()]
        for flag, variant in self.variants.items():
            parts.append(f"with {flag}: {variant.format_help()}")
        return "\n".join(parts)

    def refuse(self, option: str) -> NoReturn:
        """The error for an option there is not: where it belongs, or what was probably meant."""
        name = option.split("=")[0]
        for flag, variant in self.variants.items():
            if name in variant.option_names():
                self.error(f"{name} has no effect here: it needs {flag}")
        if self.ordinary and name in self.ordinary.option_names():
            self.error(f"{name} has no effect with {self.flag}")
        others = [other for other in self.option_names() if other != self.flag]
        where = f" with {self.flag}" if self.flag else ""
        hint = did_you_mean(name, others)
        self.error(f"unknown option {option}{where}{f', {hint}' if hint else ''}")

    def option_names(self) -> list[str]:
        """The options that the help names."""
        return re.findall(r"--[a-z-]+", self.format_help())


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The arguments of a command; `run_command` is what takes them.

    Options may stand anywhere among texts, overrides or runs: argparse by itself takes these from
    one place only. Exits with status 2 and one line after a mistake.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    args, extras = _parser(arguments).parse_known_args(arguments)
    before = _before_dashes(extras)
    for extra in before:
        if OPTION.fullmatch(extra):
            args.parser.refuse(extra)
    words = before + extras[len(before) + 1 :]
    repeated = [name for name in REPEATED if isinstance(getattr(args, name, None), list)]
    if words and not repeated:
        args.parser.error(f"too much: {' '.join(words)}")
    for name in repeated:
        setattr(args, name, getattr(args, name) + words)
    return args


def command_parser(name: str) -> CommandParser:
    """The parser of one command by itself."""
    return CommandParser(importlib.import_module(f"nmt.cli.{name}"), prog=f"nmt {name}")


def _parser(arguments: Sequence[str]) -> Parser:
    """The parser of `nmt`; of a command that comes first, only its own module is imported."""
    names = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    modules = {name: importlib.import_module(f"nmt.cli.{name}") for name in names}
    parser = Parser(
        "nmt",
        description="Trains and runs translators on an ordinary machine.",
        epilog="\n  ".join(["examples:", *(module.EXAMPLE for module in modules.values())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"nmt {__version__}")
    _add_debug(parser, False)
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", parser_class=CommandParser
    )
    for name, module in modules.items():
        commands.add_parser(name, help=module.HELP, module=module)
    return parser


def _add_debug(parser: Parser, default: object) -> None:
    parser.add_argument(
        "--debug",
        action="store_true",
        default=default,
        help="show a traceback when something fails",
    )


def _before_dashes(arguments: Sequence[str]) -> list[str]:
    """The arguments before "--", after which nothing is an option."""
    arguments = list(arguments)
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
