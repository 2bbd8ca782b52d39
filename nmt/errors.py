"""The two kinds of bad news: the user's mistake (exit status 2) and a failure of the run (exit status 1)."""


class UserError(Exception):
    """A mistake the user can mend: one clear line saying what, where, and what to do."""

    exit_status = 2


class Failure(Exception):
    """Something outside the user's command went wrong: network, disk, damaged file, diverged loss."""

    exit_status = 1


class Diverged(Failure):
    """The loss of a training is not a number any more."""
