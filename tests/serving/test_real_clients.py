"""Clients as they are installed, and the server under load.

What is not in this environment is named by variables: WEBLATE_PYTHON is an interpreter that has
Weblate, SEARXNG_ENGINE is the file searx/engines/libretranslate.py of SearXNG.
"""

import importlib.util
import json
import os
import subprocess
import sys
import types
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from tests.serving.clients import fixed_runs, serving
from tests.serving.load import measure

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url():
    with serving(fixed_runs(("en", "de"), ("de", "en"))) as port:
        yield f"http://127.0.0.1:{port}/"


def named_by(variable, what):
    """The path in a variable; the test is skipped where there is none."""
    path = os.environ.get(variable, "")
    if not Path(path).is_file():
        pytest.skip(f"{variable} names no {what}")
    return path


def test_libretranslatepy(url):
    client = pytest.importorskip("libretranslatepy").LibreTranslateAPI(url)
    assert client.translate("Größe & x\ny", "en", "de") == "GRÖSSE & X\nY"
    assert client.detect("the light and the door")[0]["language"] == "en"
    assert [each["code"] for each in client.languages()] == ["en", "de"]


def test_deep_translator(url):
    translators = pytest.importorskip("deep_translator")
    client = translators.LibreTranslator("en", "de", "any key", custom_url=url)
    assert client.translate("Größe & more") == "GRÖSSE & MORE"
    assert client.translate_batch(["one", "two"]) == ["ONE", "TWO"]


def test_weblate(url):
    """Its own classes: they accept the settings, and find translations."""
    python = named_by("WEBLATE_PYTHON", "interpreter with Weblate")
    script = Path(__file__).with_name("weblate_client.py")
    done = subprocess.run(
        [python, script, url, "en", "de"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    most = {"LibreTranslate": 1, "LTEngine": 1, "Apertium": 1, "tmserver": 3}
    for service, count in most.items():
        assert answers[service]["supported"]
        for text, suggestions in answers[service]["translations"].items():
            assert suggestions[0][0] == text.upper() and len(suggestions) == count
    assert answers["LibreTranslate"]["languages"] == ["en", "de"]
    assert answers["Apertium"]["languages"] == [["en", "de"], ["de", "en"]]
    assert ["en", "de"] in answers["tmserver"]["languages"]


class Results(list):
    """What SearXNG's engines return, as far as this one needs it."""

    class types:
        class Translations(list):
            Item = types.SimpleNamespace

            def __init__(self, translations):
                super().__init__(translations)

    add = list.append


@pytest.fixture
def engine(monkeypatch):
    """SearXNG's engine, without the rest of SearXNG."""
    path = named_by("SEARXNG_ENGINE", "engine of SearXNG")
    module = types.ModuleType("searx.result_types")
    module.EngineResults = Results
    monkeypatch.setitem(sys.modules, "searx", types.ModuleType("searx"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = importlib.util.spec_from_file_location("libretranslate_engine", path)
    engine = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(engine)
    return engine


def test_searxng(url, engine):
    engine.base_url = url.rstrip("/")
    params = {"query": "größer", "from_lang": (True, "en", "English")}
    params |= {"to_lang": (True, "de", "German")}
    asked = engine.request("", params)
    request = urllib.request.Request(
        asked["url"], asked["data"].encode(), asked["headers"], method=asked["method"]
    )
    with urllib.request.urlopen(request, timeout=20) as opened:
        answer = json.load(opened)
    ((found,),) = engine.response(types.SimpleNamespace(json=lambda: answer))
    assert found.text == "GRÖSSER"
    assert found.examples == ["GRÖSSER!", "GRÖSSER!!", "GRÖSSER!!!"]


def test_load(tiny_run):
    """Answers are the engine's, not dearer than one by one; memory does not grow with requests."""
    pytest.importorskip("onnxruntime")
    figures = measure(tiny_run, 20, 16, 40)
    names = "one by one", "server"
    alone, served = (figures[f"{name}, processor ms a text"] for name in names)
    assert served < alone + 5
    assert figures["MiB after"] < 1.2 * figures["MiB, each 5 s"][1]
    assert figures["exit status"] == 0
