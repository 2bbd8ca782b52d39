"""The translators that `nmt filter` finds wrong pairs with."""

import argparse

from nmt.errors import UserError


def load_directions(args: argparse.Namespace) -> list:
    """The translator of a run and, if a second run is named, that of the reverse direction."""
    from nmt.inference.load import load

    if len(args.run) > 2:
        raise UserError(
            "a run filters, or one with a run of the reverse direction; more were given"
        )
    translators = [load(path, args.engine, args.threads) for path in args.run]
    (source, target), *others = [(t.recipe.data.source, t.recipe.data.target) for t in translators]
    if others not in ([], [(target, source)]):
        raise UserError(
            f"{args.run[1]}: translates {'-'.join(others[0])}, but the reverse of {args.run[0]} "
            f"is {target}-{source}"
        )
    return translators
