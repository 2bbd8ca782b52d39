"""`nmt completion`: what a shell needs to complete commands, options, recipes and runs.

Scripts are made from the parsers of all commands, so that pressing tab starts no Python.
"""

import argparse
import itertools
from collections.abc import Iterator
from typing import NamedTuple

HELP = "print the script by which a shell completes nmt's commands, options, recipes and runs"
EXAMPLE = "source <(nmt completion bash)"

# What an argument of that name takes; "@runs" stands for the run folders that are there.
RUNS = "@runs"
RUN_NAMES = ("run", "lm")
RECIPE_NAMES = ("recipe", "fallback", "name")

BASH = r"""# source <(nmt completion bash)
_nmt() {
    local cur=${COMP_WORDS[COMP_CWORD]} key=${COMP_WORDS[COMP_CWORD-1]}
    local front= command= words= word path last before= found=()
    # bash parts words at "=", zsh does not.
    if [[ $cur == "=" ]]; then
        key=$key= cur=
    elif [[ $key == "=" ]]; then
        key=${COMP_WORDS[COMP_CWORD-2]}=
    elif [[ $cur == *=* ]]; then
        key=${cur%%=*}= front=${cur%%=*}= cur=${cur#*=}
    fi
    for word in "${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
        [[ $word == -* ]] || { command=$word; break; }
    done
    case "${command}:${key}" in
@CASES@
    esac
    for word in $words; do
        if [[ $word == @runs ]]; then
            # The last one of an ensemble.
            last=${cur##*,} before=${cur%"${cur##*,}"}
            for path in "$last"*/run.json "$last"*/*/run.json; do
                [[ -e $path ]] && found+=("$before$(printf %q "${path%/run.json}")")
            done
        elif [[ $word == "$cur"* ]]; then
            found+=("$word")
        fi
    done
    COMPREPLY=()
    for word in "${found[@]}"; do
        COMPREPLY+=("$front$word")
    done
    # After the "=" of an option comes its value.
    if [[ ${#found[@]} == 1 && ${found[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
# Where nothing is found, files are completed.
complete -o default -F _nmt nmt
"""
ZSH = """# source <(nmt completion zsh)
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
"""
FISH = """# nmt completion fish | source
function __nmt_runs
    for path in */run.json */*/run.json
        string replace /run.json '' -- $path
    end
end
"""


class Argument(NamedTuple):
    """An option, or where it has no names a positional argument."""

    names: list[str]
    # What may follow; None: it is a flag, which takes nothing.
    values: list[str] | None
    help: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(args: argparse.Namespace) -> None:
    """Prints the script."""
    from nmt.cli.parser import COMMANDS, command_parser

    parsers = {name: command_parser(name) for name in COMMANDS}
    arguments = {name: _arguments(parser) for name, parser in parsers.items()}
    if args.shell == "fish":
        print("\n".join([FISH, *_fish(parsers, arguments)]))
        return
    script = BASH.replace("@CASES@", "\n".join(_cases(arguments)))
    print((ZSH if args.shell == "zsh" else "") + script, end="")


def _arguments(parser):
    """The arguments of a command, of its variants and of its tasks, each once."""
    arguments: dict[tuple, Argument] = {}
    tasks = (a.choices.values() for a in parser._actions if isinstance(a.choices, dict))
    for each in itertools.chain([parser], parser.variants.values(), *tasks):
        for action in each._actions:
            values = None if action.nargs == 0 else _values(action)
            argument = Argument(list(action.option_strings), values, action.help or "")
            arguments.setdefault((*action.option_strings, action.dest), argument)
    return list(arguments.values())


def _values(action):
    """The words that an argument may be, as far as they are known."""
    from nmt.recipe import describe_options
    from nmt.recipe.library import builtin_recipes

    if action.choices:
        return list(action.choices)
    if action.dest in RUN_NAMES:
        return [RUNS]
    if action.dest in RECIPE_NAMES:
        return list(builtin_recipes())
    if action.dest == "words":
        return list(dict.fromkeys(option.section for option in describe_options()))
    if action.dest == "overrides":
        return [f"{option.section}.{option.name}=" for option in describe_options()]
    return []


def _option_values() -> dict[str, list[str]]:
    """The values of each option of a recipe that has a few."""
    from nmt.recipe import Recipe, all_options

    return {
        name: list(field.metadata["choices"] or ("true", "false"))
        for name, field, _ in all_options(Recipe())
        if field.metadata["choices"] or field.type is bool
    }


# bash and zsh


def _cases(arguments: dict[str, list[Argument]]) -> Iterator[str]:
    """The cases of command:word before, the particular ones first."""
    for command, own in arguments.items():
        for argument in own:
            if argument.names and argument.values is not None:
                patterns = (f"{command}:{name}|{command}:{name}=" for name in argument.names)
                yield _case("|".join(patterns), argument.values)
    for name, values in _option_values().items():
        yield _case(f"*:{name}=", values)
    yield _case("*:*=", [])
    yield _case(":*", [*arguments, "--help", "--version", "--debug"])
    for command, own in arguments.items():
        positional = [value for each in own if not each.names for value in each.values or ()]
        names = [name for each in own for name in each.names]
        yield _case(f"{command}:*", dict.fromkeys([*positional, *names]))


def _case(pattern, words):
    return f'        {pattern}) words="{" ".join(words)}" ;;'


# fish


def _fish(parsers: dict, arguments: dict[str, list[Argument]]) -> Iterator[str]:
    for command, parser in parsers.items():
        yield f"complete -c nmt -n __fish_use_subcommand -f -a {command} {_meaning(parser)}"
    for command, own in arguments.items():
        condition = f"complete -c nmt -n '__fish_seen_subcommand_from {command}'"
        for argument in own:
            words = " ".join(argument.values or [])
            words = _quoted(words.replace(RUNS, "(__nmt_runs)"))
            # Where all that fits is known, no files are offered.
            known = argument.values and RUNS not in argument.values
            takes = "" if argument.values is None else f" {'-x' if known else '-r'} -a {words}"
            if argument.names:
                yield f"{condition} {_fish_names(argument)}{takes} -d {_quoted(argument.help)}"
            else:
                yield f"{condition} -a {words}"
        if any(value.endswith("=") for each in own for value in each.values or ()):
            for name, values in _option_values().items():
                words = " ".join(f"{name}={value}" for value in values)
                yield f"{condition} -a {_quoted(words)}"


def _fish_names(argument):
    kinds = {False: "-s", True: "-l"}
    return " ".join(f"{kinds[name.startswith('--')]} {name.lstrip('-')}" for name in argument.names)


def _meaning(parser):
    return f"-d {_quoted(parser.description)}"


def _quoted(text):
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
