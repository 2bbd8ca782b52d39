"""Moments of a command: before or after a certain call of a function."""

import importlib


def act_at(moment, act, replace=setattr):
    """Calls act() at a moment.

    moment: ("before" or "after", "module:function", how the function's last argument ends, which
    such call). replace: sets the attribute of a module.
    """
    when, place, ending, number = moment
    module, name = place.split(":")
    owner = importlib.import_module(module)
    function, calls = getattr(owner, name), 0

    def wrapped(*arguments, **options):
        nonlocal calls
        is_such = str(arguments[-1]).endswith(ending)
        calls += is_such
        is_it = is_such and calls == int(number)
        if is_it and when == "before":
            act()
        result = function(*arguments, **options)
        if is_it and when == "after":
            act()
        return result

    replace(owner, name, wrapped)
