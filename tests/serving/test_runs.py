"""Runs behind a server: which pairs they make, and what happens when they change."""

import gc
import shutil
import socket
import threading
import weakref

import pytest

from nmt.errors import UserError
from nmt.runs.corrections import Corrections
from nmt.runs.folder import Run
from nmt.serving import runs as serving_runs
from nmt.serving.batching import Batcher
from nmt.serving.runs import Runs
from tests import nordic_run
from tests.fakes import messages, nmt_command
from tests.serving.clients import Shouter, ask, ask_json, serving, wait_until

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")
pytest.importorskip("onnxruntime")

HELLO = {"q": "The boy reads a book.", "source": "en", "target": "de"}


@pytest.fixture(scope="module")
def nordic(tmp_path_factory, once):
    """A run of two target languages."""
    texts = tmp_path_factory.mktemp("nordic")
    return once("nordic", lambda folder: nordic_run.trained(folder, texts))


def test_pairs_of_runs(tiny_run, nordic):
    runs = Runs([str(tiny_run), str(nordic)])
    assert [each[:2] for each in runs.directions] == [("en", "de"), ("en", "sv"), ("en", "da")]
    for direction in runs.directions:
        data = direction.translator.recipe.data
        assert data.target == direction.target and direction.translator.threads == 1
    ensemble = Runs([f"{tiny_run},{tiny_run}"])
    assert [each[:2] for each in ensemble.directions] == [("en", "de")]


def test_two_runs_of_one_pair_are_refused(tiny_run):
    with pytest.raises(UserError, match="two runs translate en-de"):
        Runs([str(tiny_run), str(tiny_run / "export")])


def test_answers_are_those_of_translate(tiny_run):
    texts = ["The boy reads a book.", "\nI see {name}.\r\n\nNo.", "犬", " a  b " * 60]
    texts.append("{n, plural, one {a\nbook} other {# books}}")
    out = Runs([str(tiny_run)]).directions.find("en", "de").translator.translate(texts)
    with serving(Runs([str(tiny_run)])) as port:
        fields = HELLO | {"q": texts, "alternatives": 2}
        assert ask_json(port, "/translate", fields)[1]["translatedText"] == out


@pytest.fixture
def copy(tiny_run, tmp_path):
    """The folder of a run, to be changed."""
    return shutil.copytree(tiny_run, tmp_path / "copy")


def test_corrections_of_any_process_are_answers_at_once(copy):
    """Also under the new weights of a run."""
    runs = Runs([str(copy)])
    with serving(runs, suggestions=True) as port:

        def answer(**more):
            return ask_json(port, "/translate", HELLO | more)[1]

        plain = answer()["translatedText"]
        suggested = {"s": "Eine Zitrone"}
        assert ask_json(port, "/suggest", HELLO | suggested) == (200, {"success": True})
        assert answer()["translatedText"] == "Eine Zitrone"
        assert nmt_command("correct", copy, HELLO["q"], "Zwei Zitronen").status == 0
        assert answer()["confidence"] == 100 and answer()["translatedText"] == "Zwei Zitronen"
        assert answer(alternatives=2)["alternatives"][0] == plain
        run = Run(copy)
        run.update(step=run.info.step, confidence=None)
        export = Run(copy / "export")
        export.info.engine.precision = "other"
        export.update(engine=export.info.engine)
        assert runs.renew() and answer()["translatedText"] == "Zwei Zitronen"
        assert nmt_command("correct", copy, "--remove", HELLO["q"]).status == 0
        assert answer()["translatedText"] == plain


def test_corrections_are_used_after_a_restart_line_by_line(copy):
    Corrections.of(copy, "en", "de").add([("one", "eins"), ("two", "zwei")])
    with serving(Runs([str(copy)])) as port:
        _, answer = ask_json(port, "/translate", HELLO | {"q": " one\ntwo\nA cat."})
        assert answer["translatedText"].splitlines()[:2] == [" eins", "zwei"]
        _, _, suggestions = ask(port, "GET", "/tm/en/de/unit/one")
        assert (suggestions[0]["target"], suggestions[0]["quality"]) == ("eins", 100)


def test_a_link_that_names_another_run_is_followed(copy, tiny_run, tmp_path):
    """With the corrections of that run."""
    export = Run(copy / "export")
    export.info.engine.precision = "other"
    export.update(engine=export.info.engine)
    nmt_command("correct", copy, HELLO["q"], "Eine Zitrone")
    link = tmp_path / "served"
    link.symlink_to(tiny_run)
    runs = Runs([str(link)])
    answers = []
    for target in (tiny_run, copy):
        link.unlink()
        link.symlink_to(target)
        assert runs.renew() == (target == copy)
        answers += next(iter(runs.directions)).translator.translate([HELLO["q"]])
    assert answers[1] == "Eine Zitrone" != answers[0]


def test_glossary_and_memory_are_used_and_stay(copy, tmp_path):
    """When the run has changed, whatever has become of the files."""
    pytest.importorskip("rapidfuzz")
    (tmp_path / "terms.tsv").write_text("dog\tZitrone\n")
    (tmp_path / "memory.tsv").write_text("The boy reads a book.\tEs war einmal\n")
    runs = Runs([str(copy)], "auto", str(tmp_path / "terms.tsv"), str(tmp_path / "memory.tsv"))
    with serving(runs) as port:
        for renewed in (False, True):
            assert runs.renew() == renewed
            fields = HELLO | {"q": [HELLO["q"], "The dog reads a book."], "details": True}
            _, answer = ask_json(port, "/translate", fields)
            known, similar = answer["translatedText"]
            assert known == "Es war einmal" and "Zitrone" in similar
            (segment,) = answer["details"][1]
            assert segment["terms"] == [{"target": "Zitrone", "used": True}]
            assert segment["matches"][0]["target"] == "Es war einmal"
            for name in ("terms.tsv", "memory.tsv"):
                (tmp_path / name).unlink(missing_ok=True)
            export = Run(copy / "export")
            export.info.engine.precision = "other"
            export.update(engine=export.info.engine)


def test_a_glossary_is_of_one_pair(nordic, tiny_run):
    for paths in ([str(nordic)], [str(tiny_run), str(nordic)]):
        with pytest.raises(UserError, match="of one pair of languages"):
            Runs(paths, glossary="terms.tsv")


@pytest.fixture
def changing(tiny_run, tmp_path, monkeypatch):
    """A copy of a run, a function that changes it, and translators that tell the weights."""
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)

    def change(digest, **values):
        for path in (folder / "export", folder):
            run = Run(path)
            if run.info.engine:
                run.info.engine.weights_sha256 = digest
                run.update(engine=run.info.engine)
            else:
                run.update(weights_sha256=digest, **values)

    load = serving_runs.load

    def loaded(path, *args, **options):
        translator = load(tiny_run, *args, **options)
        shouter = Shouter(f"{Run(path).info.weights_sha256}: ")
        shouter.recipe, shouter.preparations = translator.recipe, translator.preparations
        return shouter

    monkeypatch.setattr(serving_runs, "load", loaded)
    return folder, change


def test_a_run_that_has_changed_is_taken_up(changing):
    """While what has begun with the old one ends with it; nothing of that stays."""
    folder, change = changing
    change("old")
    runs = Runs([str(folder)])
    with serving(runs, batcher=Batcher(1)) as port, messages() as lines:
        translator = next(iter(runs.directions)).translator
        assert not runs.renew()
        # 1. Training again, then without an export of the new weights: not yet.
        Run(folder).update(weights_sha256="new", complete=False)
        assert not runs.renew()
        Run(folder).update(complete=True)
        assert not runs.renew()
        assert ask_json(port, "/translate", HELLO)[1]["translatedText"].startswith("old: ")
        # 2. With it.
        future = _blocked(translator, port)
        change("new")
        wait_until(lambda: runs.renew() or lines)
        translator.gate.set()
        assert future().startswith("old: ")
        assert ask_json(port, "/translate", HELLO)[1]["translatedText"].startswith("new: ")
        assert lines == [f"{folder} has changed: loaded anew"]
        old = weakref.ref(translator)
        del translator, future
        wait_until(lambda: gc.collect() is not None and old() is None)


def _blocked(translator, port):
    """Begins a request that waits for the gate of the translator; a function gives its answer."""
    translator.gate.clear()
    translator.batches.clear()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(ask_json(port, "/translate", HELLO)))
    thread.start()
    wait_until(lambda: translator.batches)

    def answer():
        thread.join(20)
        return answers[0][1]["translatedText"]

    return answer


def test_a_run_that_cannot_be_read_changes_nothing(changing, monkeypatch):
    folder, change = changing
    change("old")
    runs = Runs([str(folder)])
    tried = []

    def broken(path, *_, **__):
        tried.append(path)
        raise UserError("broken")

    monkeypatch.setattr(serving_runs, "load", broken)
    change("new")
    with messages() as lines:
        assert not runs.renew() and not runs.renew()
    assert len(tried) == len(lines) == 1 and "the old one goes on" in lines[0]
    (folder / "run.json").write_text("{")
    assert not runs.renew()
    shutil.rmtree(folder)
    assert not runs.renew() and runs.directions.find("en", "de")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-run"], "no-run: no such run folder"),
        (["RUN", "RUN"], "is named twice"),
        (["RUN", "EXPORT"], "two runs translate en-de"),
        (["RUN", "--port", "70000"], "'70000' is not a port"),
        (["RUN", "--port", "TAKEN"], "choose another one with --port"),
        (["RUN", "--host", "no.such.host.invalid"], "no such address"),
        (["RUN", "--api-keys", "missing.txt"], "missing.txt: no such file"),
        (["RUN", "--api-keys", "empty.txt"], "empty.txt: has no key"),
        (["RUN", "--api-key", ""], "an empty key is none"),
        (["RUN", "--api-key", "a", "--api-keys", "b"], "not allowed with"),
        (["RUN", "--glossary", "missing.tsv"], "missing.tsv: no such file"),
        (["RUN", "--memory", "missing.tsv"], "missing.tsv: no such file"),
        (["RUN", "--queue", "0"], "'0' is not a whole number above 0"),
    ],
)
def test_mistakes(tiny_run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nmt.serving.server.serve", pytest.fail)
    (tmp_path / "empty.txt").write_text("\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"RUN": tiny_run, "EXPORT": tiny_run / "export", "TAKEN": taken.getsockname()[1]}
        port = [] if "--port" in arguments else ["--port", "0"]
        done = nmt_command("serve", *(names.get(each, each) for each in arguments), *port)
    assert done.status == 2 and message in done.err and done.err.count("\n") == 1
