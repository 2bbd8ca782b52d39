"""The user's mistake (exit status 2) and a failure of the run (exit status 1); "did you mean"."""

from collections.abc import Iterable


class UserError(Exception):
    """A mistake the user can mend: one clear line saying what, where, and what to do."""

    exit_status = 2


class OtherLanguages(UserError):
    """A file of other languages than those asked for."""


class Failure(Exception):
    """Something outside the command went wrong: network, disk, damaged file, diverged loss."""

    exit_status = 1


class Diverged(Failure):
    """The loss of a training is not a number any more."""


def did_you_mean(word: str, choices: Iterable[str], number: int = 1) -> str:
    """A question that names the choices closest to `word`, at most `number`; empty where none is.

    >>> did_you_mean("gruu", ["lstm", "gru"])
    'did you mean gru?'
    """
    # Takes as long as half of the command line.
    import difflib

    # Capitals make no difference.
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lower_case, number, cutoff=0.5)
    names = ", ".join(by_lower_case[name] for name in close)
    return f"did you mean {names}?" if names else ""
