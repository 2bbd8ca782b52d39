"""Clients as they are installed, and the server under load."""

import pytest

pytest.importorskip("uvicorn")
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


def test_load(tiny_run):
    """Answers are the engine's, not dearer than one by one; memory does not grow with requests."""
    pytest.importorskip("onnxruntime")
    figures = measure(tiny_run, 20, 16, 40)
    names = "one by one", "server"
    alone, served = (figures[f"{name}, processor ms a text"] for name in names)
    assert served < alone + 5
    assert figures["MiB after"] < 1.2 * figures["MiB in between"][1]
    assert figures["exit status"] == 0
