"""A run of two target languages, trained in seconds where users had put files of theirs."""

from nmt.recipe import dump_recipe, load_recipe
from nmt.runs.folder import Run

# Beside our files, below our folders, named like ours.
MINE = [
    "best-of-2020.weights.h5",
    "cache/mine.txt",
    "state/step-by-step.weights.h5",
    "notes/partial-x/a.tex",
]


def trained(folder, texts):
    """Trains it in `folder`, which was prepared for another recipe; texts: a folder for its text.

    It knows a few words of each language. It is validated and saved three times.
    """
    from nmt.training.train import train

    # 1. What was there: nothing trained.
    recipe = _recipe(texts)
    run = Run(folder)
    run.update(source="en", target="sv")
    former = load_recipe(recipe, ["tokenizer.vocab_size=90"])
    (folder / "recipe.toml").write_text(dump_recipe(former), encoding="utf-8")
    put_mine(folder, "cache/source.txt")
    # 2. The training.
    train(load_recipe(recipe), folder)


def put_mine(folder, *more):
    """Puts files of users into a run, and more of them."""
    for name in [*more, *MINE]:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def mine_stay(folder):
    """Whether the files of the users are what they were."""
    return [(folder / name).read_text() for name in MINE] == MINE


def _recipe(folder):
    for code in ("sv", "da"):
        lines = [f"line {n} of {code}\trad {n} af {code}\n" for n in range(300)]
        (folder / f"{code}.tsv").write_text("".join(lines))
    path = folder / "nordic.toml"
    path.write_text(
        '[data]\nformat = "tsv"\ntarget = "sv"\ntrain = "sv.tsv"\n'
        '[[data.more]]\ntarget = "da"\nformat = "tsv"\ntrain = "da.tsv"\n'
        "[tokenizer]\nvocab_size = 100\nbyte_fallback = false\n"
        # Traced fast.
        '[model]\ncell = "rnn"\nbidirectional = false\n'
        "embedding = 8\nencoder_units = 8\ndecoder_units = 8\nattention_units = 8\n"
        "[train]\nsteps = 6\nvalid_every = 2\nvalid_sentences = 4\naverage = 2\nthreads = 1\n"
        "[search]\nbeam = 2\n"
    )
    return path
