"""Arguments that several commands have, and the numbers they take."""

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nmt.bounds import BOUNDS, expected, fits

if TYPE_CHECKING:
    from nmt.inference.translator import Translator


def number(kind: type, fits: Callable[[Any], bool], what: str) -> Callable[[str], Any]:
    """A type for argparse: a number that fits, or one clear line that says what was expected."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not fits(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not a {what}")
        return value

    return parse


def bounded(name: str) -> Callable[[str], Any]:
    """A type for argparse: a number within the bounds that `nmt.bounds` has of that name."""
    kind = type(BOUNDS[name][0])
    return number(kind, lambda value: fits(name, value), expected(name))


positive = number(int, lambda value: value > 0, "whole number above 0")
real = number(float, math.isfinite, "number")
share = number(float, lambda value: 0 < value < 1, "share between 0 and 1")


def a_path(text: str) -> str:
    """A type for argparse: a path, which an empty text is not."""
    if not text:
        raise argparse.ArgumentTypeError("'' names no file")
    return text


def add_overrides(parser: argparse.ArgumentParser, help: str) -> None:
    """Options of the recipe, typed."""
    parser.add_argument("overrides", nargs="*", default=[], metavar="section.key=value", help=help)


def add_search(parser: argparse.ArgumentParser) -> None:
    """How wide the search is, and what is best; `search_overrides` reads the second."""
    parser.add_argument(
        "--beam", type=bounded("beam"), help="hypotheses kept a sentence (default: the recipe's)"
    )
    parser.add_argument(
        "--length-penalty",
        type=bounded("length_penalty"),
        metavar="P",
        help="the best has the largest log-probability / length**P; a larger one, longer "
        "translations (default: the recipe's)",
    )


def add_min_confidence(parser: argparse.ArgumentParser, what: str) -> None:
    """The least confidence, in percent; what: becomes of translations below it."""
    parser.add_argument(
        "--min-confidence",
        type=bounded("min_confidence"),
        metavar="P",
        help=f"percentage, 0 to 100; {what}",
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """How many threads a command takes."""
    parser.add_argument(
        "--threads",
        type=bounded("threads"),
        default=0,
        metavar="N",
        help="processor threads (default: all)",
    )


def add_engine(parser: argparse.ArgumentParser, threads: bool = True) -> None:
    """What translates, and on how many threads, if that can be chosen."""
    parser.add_argument(
        "--engine",
        choices=("auto", "onnx", "keras"),
        default="auto",
        help="onnx: the run's export; keras: its weights (default: onnx if possible)",
    )
    if threads:
        add_threads(parser)


def add_to(parser: argparse.ArgumentParser) -> None:
    """The language that a run of several languages translates into."""
    parser.add_argument(
        "--to",
        metavar="LANG",
        help="language to translate into, of a run that knows several (default: its first one)",
    )


def add_glossary(parser: argparse.ArgumentParser) -> None:
    """How terms are translated."""
    parser.add_argument(
        "--glossary",
        type=a_path,
        metavar="FILE",
        help="terms with their translations: source TAB target [TAB exact], or TBX",
    )


def add_memory(parser: argparse.ArgumentParser, what: str) -> None:
    """Translations that were made earlier. what: of them is shown."""
    parser.add_argument(
        "--memory",
        type=a_path,
        metavar="PATH",
        help="earlier translations (TMX, PO, XLIFF, TSV), a folder of them, or a run: its training "
        f"text{what}",
    )


def add_sampling(
    parser: argparse.ArgumentParser, temperature: float | None, what_temperature: str
) -> None:
    """How samples are drawn. temperature: its default; what_temperature: its help."""
    parser.add_argument(
        "--temperature",
        type=bounded("temperature"),
        default=temperature,
        metavar="T",
        help=what_temperature,
    )
    parser.add_argument(
        "--top-k",
        type=bounded("top_k"),
        default=0,
        metavar="K",
        help="draw from the K most probable words (default: from all)",
    )
    parser.add_argument(
        "--seed",
        type=bounded("seed"),
        default=1,
        metavar="S",
        help="another one, other samples (default: 1)",
    )


def add_lm(parser: argparse.ArgumentParser, what: str = "") -> None:
    """A language model that helps `what`; `search_overrides` reads both options."""
    parser.add_argument(
        "--lm", metavar="RUN", help=f"run of a language model that helps {what}to choose words"
    )
    parser.add_argument(
        "--lm-weight",
        metavar="W",
        help="what its log-probability is multiplied by "
        "(defaults: the recipe's search.lm and search.lm_weight)",
    )


def add_reverse(parser: argparse.ArgumentParser, what: str = "translations") -> None:
    """A run of the reverse direction that ranks `what`; `search_overrides` reads both options."""
    parser.add_argument(
        "--reverse",
        metavar="RUN",
        help=f"run of the reverse direction: of the beam's {what} those are best that it finds "
        "the source probable from, too",
    )
    parser.add_argument(
        "--reverse-weight",
        metavar="W",
        help="what its score is multiplied by "
        "(defaults: the recipe's search.reverse and search.reverse_weight)",
    )


def search_overrides(args: argparse.Namespace) -> list[str]:
    """What `add_search`, `add_lm`, `add_reverse` add, where typed, as overrides of the recipe."""
    names = ("length_penalty", "lm", "lm_weight", "reverse", "reverse_weight")
    typed = {name: getattr(args, name, None) for name in names}
    return [f"search.{name}={value}" for name, value in typed.items() if value is not None]


def typed_translator(args: argparse.Namespace, with_confidence: bool) -> "Translator":
    """The translator of the run, as typed: engine, threads, language, search, terms and memory.

    UserError for one that has no confidence where that is needed.
    """
    from nmt.inference.checks import check_confidence
    from nmt.inference.load import load

    translator = load(args.run, args.engine, args.threads, search_overrides(args), to=args.to)
    if with_confidence:
        check_confidence(translator, args.run, args.engine)
    return translator.using(args.glossary, args.memory, args.run)
