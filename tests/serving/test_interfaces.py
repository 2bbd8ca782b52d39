"""What clients send, byte for byte, and what they need to find in the answer."""

import asyncio
import json
import threading
import urllib.request
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest

from tests.fakes import UpperCase
from tests.serving.clients import ask, ask_json, fixed_runs, serving

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from nmt.documents.formats import FORMATS
from nmt.serving.documents import translated_document
from nmt.serving.service import Limits

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOUNDARY = {"Content-Type": "multipart/form-data; boundary=xx"}


@pytest.fixture(scope="module")
def port():
    runs = fixed_runs(("en", "de"), ("en", "pt-BR"), ("de", "en"))
    limits = Limits(characters=2000, texts=30, body=20_000, file=50_000)
    with serving(runs, limits=limits, metrics=True) as port:
        yield port


def multipart(**fields):
    """The body of a form with a file."""
    parts = []
    for name, value in fields.items():
        head = f'Content-Disposition: form-data; name="{name}"'
        if name == "file":
            filename, value = value
            head += f'; filename="{filename}"\r\nContent-Type: application/octet-stream'
        value = value if isinstance(value, bytes) else value.encode()
        parts.append(f"--xx\r\n{head}\r\n\r\n".encode() + value + b"\r\n")
    return b"".join(parts) + b"--xx--\r\n"


# The text of the request that Weblate made of a tmserver.
SUGGESTED = "[X5X] is \\ 100 % größer/old?"

# Name: method, path, headers, body, and what must be in the answer. Those of libretranslatepy
# 2.1.4, deep-translator 1.11.4, and Weblate 2026.10.1 were recorded.
REQUESTS = {
    "weblate": (
        "POST",
        "/translate",
        JSON,
        '{"api_key":"","q":["Hello","[X5X] is \\\\ größer"],"source":"en","target":"de"}'.encode(),
        {"translatedText": ["HELLO", "[X5X] IS \\ GRÖSSER"]},
    ),
    "weblate, region": (
        "POST",
        "/translate",
        JSON,
        b'{"api_key":"","q":["Hello"],"source":"en","target":"pt"}',
        {"translatedText": ["HELLO"]},
    ),
    "weblate, ltengine": (
        "POST",
        "/translate",
        JSON,
        b'{"api_key":"","q":"One\\ntwo","source":"en","target":"de"}',
        {"translatedText": "ONE\nTWO"},
    ),
    "weblate, apertium": (
        "GET",
        "/translate?langpair=en%7Cde&q=%5BX5X%5D+is+%5C+100+%25%0Amore&markUnknown=no",
        {},
        None,
        {"responseData": {"translatedText": "[X5X] IS \\ 100 %\nMORE"}},
    ),
    "weblate, tmserver": (
        "GET",
        "/tm/en/pt_br/unit/%5BX5X%5D%20is%20%5C%20100%20%25%20gr%C3%B6%C3%9Fer%2Fold%3F",
        {},
        None,
        [
            {
                "source": SUGGESTED,
                "target": SUGGESTED.upper() + "!" * n,
                "quality": 0,
                "rank": n + 1,
            }
            for n in range(3)
        ],
    ),
    "searxng": (
        "POST",
        "/translate",
        JSON,
        {"q": "Hello", "source": "en", "target": "de", "alternatives": 3},
        {"translatedText": "HELLO", "alternatives": ["HELLO!", "HELLO!!", "HELLO!!!"]},
    ),
    "mastodon": (
        "POST",
        "/translate",
        JSON,
        {
            "q": ["<p>the light</p>", "<p>das licht</p>"],
            "source": "auto",
            "target": "de",
            "format": "html",
            "api_key": None,
        },
        {"translatedText": ["<p>THE LIGHT</p>", "<p>das licht</p>"]},
    ),
    "pleroma": (
        "POST",
        "/translate",
        JSON,
        {"q": "Hello", "source": "EN", "target": "DE", "format": "html"},
        {"translatedText": "HELLO"},
    ),
    "discourse": (
        "POST",
        "/translate",
        FORM,
        {"q": "a\r\nb", "source": "en", "target": "de", "format": "html"},
        {"translatedText": "A B"},
    ),
    "libretranslatepy": (
        "POST",
        "/translate",
        FORM,
        b"q=Gr%C3%B6%C3%9Fe+%26+x%0Ay&source=en&target=de",
        {"translatedText": "GRÖSSE & X\nY"},
    ),
    "libretranslatepy, detection": (
        "POST",
        "/detect",
        FORM,
        b"q=the+light+and+the+door",
        [{"language": "en", "confidence": 100}, {"language": "de", "confidence": 0}],
    ),
    "libretranslatepy, key": (
        "POST",
        "/translate",
        FORM,
        {"q": "more", "source": "en", "target": "de", "api_key": "any"},
        {"translatedText": "MORE"},
    ),
    "deep-translator": (
        "POST",
        "/translate?q=Gr%C3%B6%C3%9Fe+%26+more&source=en&target=de&format=text&api_key=any+key",
        {},
        b"",
        {"translatedText": "GRÖSSE & MORE"},
    ),
    "subtitle edit": (
        "POST",
        "/translate",
        JSON,
        {"q": " Wait.\n- Why?\r\n\n", "source": "en", "target": "de"},
        {"translatedText": " WAIT.\n- WHY?\r\n\n"},
    ),
    "a browser's form": (
        "POST",
        "/translate",
        BOUNDARY,
        multipart(q="Hello", source="en", target="de", format="text", alternatives="1"),
        {"translatedText": "HELLO", "alternatives": ["HELLO!"]},
    ),
    "alternatives of a list": (
        "POST",
        "/translate",
        JSON,
        {"q": ["a", "1"], "source": "en", "target": "de", "alternatives": 1},
        {"translatedText": ["A", "1"], "alternatives": [["A!"], ["1!"]]},
    ),
    "white space alone": (
        "POST",
        "/translate",
        JSON,
        {"q": " \n ", "source": "en", "target": "de", "alternatives": 1},
        {"translatedText": " \n ", "alternatives": []},
    ),
    "auto": (
        "POST",
        "/translate",
        JSON,
        {"q": "the light", "source": "auto", "target": "pt-BR"},
        {"translatedText": "THE LIGHT"},
    ),
    "omegat": (
        "GET",
        "/translate?q=One%20%7Bx%7D&markUnknown=no&langpair=en|de&key=",
        {},
        None,
        {
            "responseData": {"translatedText": "ONE {X}"},
            "responseDetails": None,
            "responseStatus": 200,
        },
    ),
    "apertium, post": (
        "POST",
        "/translate",
        FORM,
        {"q": "One", "langpair": "en|pt_BR"},
        {"responseData": {"translatedText": "ONE"}, "responseStatus": 200},
    ),
    "apertium's pairs": ("GET", "/listPairs", {}, None, {"responseStatus": 200}),
    "languages with a body": ("GET", "/languages", FORM, b"", None),
    "discourse, detection": ("POST", "/detect", FORM, {"q": "the light and the door"}, None),
    "health": ("GET", "/health", {}, None, {"status": "ok"}),
    "suggestions are off": (
        "GET",
        "/frontend/settings",
        {},
        None,
        {"suggestions": False, "charLimit": 2000, "supportedFilesFormat": [".txt", *FORMATS]},
    ),
    "tmserver's languages": (
        "GET",
        "/tm/languages/",
        {},
        None,
        {"sourceLanguages": ["en", "de"], "targetLanguages": ["de", "pt_br", "en"]},
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_of_clients(port, name):
    method, path, headers, body, expected = REQUESTS[name]
    if isinstance(body, dict):
        body = json.dumps(body) if headers is JSON else urlencode(body)
    status, _, answer = ask(port, method, path, body, headers)
    assert status == 200, answer
    if isinstance(expected, dict):
        answer = {key: answer.get(key) for key in expected}
    assert expected is None or answer == expected


def test_languages_have_their_targets(port):
    _, _, answer = ask(port, "GET", "/languages")
    assert answer == [
        {"code": "en", "name": "English", "targets": ["de", "pt-BR"]},
        {"code": "de", "name": "German", "targets": ["en"]},
        {"code": "pt-BR", "name": "Portuguese (BR)", "targets": []},
    ]


def test_detection(port):
    _, answer = ask_json(port, "/detect", {"q": "die tür und das haus"})
    assert [each["language"] for each in answer] == ["de", "en"]
    assert 100 >= answer[0]["confidence"] > 90 > 10 > answer[1]["confidence"] >= 0
    fields = {"q": ["the door", "das licht", "!"], "source": "auto", "target": "de"}
    _, answer = ask_json(port, "/translate", fields)
    assert answer["translatedText"] == ["THE DOOR", "das licht", "!"]
    detected = answer["detectedLanguage"]
    assert [each["language"] for each in detected[:2]] == ["en", "de"]
    assert detected[2]["confidence"] == 0


@pytest.mark.parametrize("text", ["a/b?c d%", "Größe 犬\n{x}", "x/unit/y", "..//"])
def test_tmserver_takes_any_text_in_the_address(port, text):
    _, _, answer = ask(port, "GET", f"/tm/en/pt_br/unit/{quote(text, safe='')}")
    assert answer[0] == {"source": text, "target": text.upper(), "quality": 0, "rank": 1}
    assert [each["rank"] for each in answer] == [1, 2, 3]


# Name: path, fields, status, and the end of the message.
REFUSED = {
    "no q": ("/translate", {"source": "en", "target": "de"}, 400, "missing q parameter"),
    "empty q": (
        "/translate",
        {"q": "", "source": "en", "target": "de"},
        400,
        "missing q parameter",
    ),
    "empty list": ("/detect", {"q": []}, 400, "missing q parameter"),
    "no source": ("/translate", {"q": "x", "target": "de"}, 400, "missing source parameter"),
    "a number": ("/translate", {"q": 1, "source": "en", "target": "de"}, 400, "q must be text"),
    "source": (
        "/translate",
        {"q": "x", "source": "zz", "target": "de"},
        400,
        "zz is not supported",
    ),
    "target": (
        "/translate",
        {"q": "x", "source": "en", "target": "zz"},
        400,
        "zz is not supported",
    ),
    "pair": (
        "/translate",
        {"q": "x", "source": "de", "target": "pt"},
        400,
        "pt-BR is not supported as a target of de",
    ),
    "long": (
        "/translate",
        {"q": "x" * 2001, "source": "en", "target": "de"},
        400,
        "request (2001) exceeds text limit (2000)",
    ),
    "many": (
        "/translate",
        {"q": ["x"] * 31, "source": "en", "target": "de"},
        400,
        "request (31) exceeds text limit (30)",
    ),
    "format": (
        "/translate",
        {"q": "x", "source": "en", "target": "de", "format": "pdf"},
        400,
        "pdf format is not supported",
    ),
    "alternatives": (
        "/translate",
        {"q": "x", "source": "en", "target": "de", "alternatives": -1},
        400,
        "alternatives must be a number",
    ),
    "a number of many digits": (
        "/translate",
        {"q": "x", "source": "en", "target": "de", "alternatives": "9" * 5000},
        400,
        "alternatives must be a number",
    ),
    "greed": (
        "/translate",
        {"q": "x", "source": "en", "target": "de", "alternatives": 99},
        400,
        "exceeds limit (10)",
    ),
    "suggestion": (
        "/suggest",
        {"q": "x", "s": "y", "source": "en", "target": "de"},
        403,
        "Suggestions are disabled on this server.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(port, name):
    path, fields, status, message = REFUSED[name]
    given, answer = ask_json(port, path, fields)
    assert given == status and answer["error"].endswith(message)


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [
        ("/translate", JSON, b'{"q": "\xff", "source": "en", "target": "de"}'),
        ("/translate", JSON, b"{"),
        ("/translate", JSON, b"[" * 15_000),
        ("/translate", JSON, b"[1]"),
        ("/translate", JSON, b'{"q": "\\ud800", "source": "en", "target": "de"}'),
        ("/translate", FORM, b"q=%FF&source=en&target=de"),
        ("/translate", FORM, b"q=\xff&source=en&target=de"),
        ("/translate?q=%FF&source=en&target=de", {}, b""),
        ("/translate", FORM, b"&".join(b"a%d=1" % n for n in range(1500))),
        ("/translate", BOUNDARY, b"--yy\r\n"),
        ("/translate_file", FORM, b"source=en&target=de"),
        ("/translate_file", BOUNDARY, multipart(file=("a.exe", b"MZ"), source="en", target="de")),
        ("/translate_file", BOUNDARY, multipart(file=("a.txt", b"\xff"), source="en", target="de")),
        (
            "/translate_file",
            BOUNDARY,
            multipart(file=("a.txt", b"PK\3\4"), source="en", target="de"),
        ),
    ],
)
def test_what_cannot_be_read_is_refused(port, path, headers, body):
    status, _, answer = ask(port, "POST", path, body, headers)
    assert status == 400 and list(answer) == ["error"]


def test_methods_and_paths_that_are_not_there(port):
    for method, path in (("GET", "/detect"), ("POST", "/languages"), ("POST", "/health")):
        assert ask(port, method, path)[0] == 405
    assert ask(port, "GET", "/nothing")[0] == 404
    assert ask(port, "GET", "/download_file/..%2F..%2Fetc%2Fpasswd")[0] == 404


def test_apertium_has_its_own_errors(port):
    status, _, answer = ask(port, "GET", "/translate?q=x&langpair=en|zz")
    assert status == 400 and answer == {
        "status": "error",
        "code": 400,
        "message": "Bad Request",
        "explanation": "That pair is not installed",
    }
    _, _, pairs = ask(port, "GET", "/listPairs")
    assert {"sourceLanguage": "en", "targetLanguage": "pt_BR"} in pairs["responseData"]
    assert ask(port, "GET", "/tm/en/zz/unit/x")[2] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_come_back_in_their_encoding(port, encoding):
    lines = "".join(f"zeile {n} größe\n" + "\r\n" * (n % 3) for n in range(150)) + "last"
    body = multipart(file=("../a b.TXT", lines.encode(encoding)), source="de", target="en")
    status, _, answer = ask(port, "POST", "/translate_file", body, BOUNDARY)
    assert status == 200
    url = answer["translatedFileUrl"]
    assert url.startswith(f"http://127.0.0.1:{port}/download_file/") and url.endswith(".a_b.TXT")
    path = url.partition(str(port))[2]
    status, headers, text = ask(port, "GET", path)
    assert status == 200 and "attachment" in headers["content-disposition"]
    assert headers["content-disposition"].endswith('"a_b.TXT"')
    assert text == lines.upper().encode(encoding)


def test_a_file_of_any_name_can_be_fetched(port):
    body = multipart(file=("grüße 日😀.txt", b"eins"), source="de", target="en")
    _, _, answer = ask(port, "POST", "/translate_file", body, BOUNDARY)
    with urllib.request.urlopen(answer["translatedFileUrl"]) as response:
        assert response.read() == b"EINS"


def test_a_file_that_nobody_waits_for_is_left():
    """Behind the texts that are being translated; other work has its threads meanwhile."""
    begun, gate = threading.Event(), threading.Event()

    class Waiting(UpperCase):
        def candidates(self, lines, *options):
            begun.set()
            gate.wait(20)
            return super().candidates(lines, *options)

    translator = Waiting()
    direction = SimpleNamespace(translator=translator)
    service = SimpleNamespace(directions=SimpleNamespace(find=lambda *_: direction))
    texts = {str(n): f"text number {n} of them" for n in range(250)}

    async def leave():
        data = json.dumps(texts).encode()
        work = asyncio.ensure_future(translated_document(service, "a.json", data, "en", "de"))
        await asyncio.to_thread(begun.wait, 20)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        gate.set()

    asyncio.run(leave())
    # The next file comes when that one is left.
    asyncio.run(translated_document(service, "b.json", b'{"a": "last text"}', "en", "de"))
    assert len(translator.lines) < 250 and translator.lines[-1] == "last text"


def test_metrics_have_neither_texts_nor_keys(port):
    ask_json(port, "/translate", {"q": "unmistakable", "source": "en", "target": "de"})
    status, _, content = ask(port, "GET", "/metrics")
    text = content.decode()
    assert status == 200 and 'nmt_lines_total{source="en",target="de"}' in text
    assert 'nmt_requests_total{path="/translate",status="200"}' in text
    assert "unmistakable" not in text.lower()
