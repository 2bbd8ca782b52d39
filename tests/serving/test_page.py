"""The page: its files, the details that it shows, and what it does in a browser."""

import collections
import json
import os
import re
import shutil
import tempfile
import time
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import numpy as np
import pytest

from nmt.inference.memory import Match
from nmt.inference.translation import Translation
from nmt.inference.translator import Ready
from nmt.packages import is_installed
from tests.serving.clients import ask, ask_json, fixed_runs, serving

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

MOST_BYTES = 41_000
PATIENCE, PAUSE = 60, 0.05  # seconds: other tests may keep all cores busy
# Keys as WebDriver writes them.
TAB, ENTER, CONTROL, ALT, ESCAPE, RIGHT = "\ue004", "\ue007", "\ue009", "\ue00a", "\ue00c", "\ue014"
FILES = {
    "/": "text/html; charset=utf-8",
    "/page.css": "text/css; charset=utf-8",
    "/page.js": "text/javascript; charset=utf-8",
    "/favicon.ico": "image/svg+xml",
}


class Backwards:
    """Translates word by word, from the last one to the first, with all that a run may tell.

    The n-th candidate has n more words at the end; of a synonym, the second one has another word.
    Each word attends to the one that it is of, but in a "split" line. An "unspaced" line is written
    without spaces; the next word of a line ends before a comma.
    "term" and "absent" are those of a glossary, "similar" is known to a memory, "warned" warns.
    """

    memory = corrections = None

    def candidates(self, lines, nbest=1, prefixes=None, **_):
        prefixes = prefixes or [""] * len(lines)
        pairs = zip(lines, prefixes, strict=True)
        return [self._begun(line, prefix)[:nbest] for line, prefix in pairs]

    def ready(self, lines, nbest=1, words=False):
        return Ready(list(lines), list)

    def search(self, segments, nbest=1, attention=False, words=False):
        return self.candidates(segments, nbest)

    def alternatives(self, line, prefix="", limit=5):
        words = [self._next_word(each, prefix) for each in self._begun(line, prefix)]
        shares = collections.Counter(words).most_common(limit)
        return [SimpleNamespace(text=word, probability=n / len(words)) for word, n in shares]

    def _next_word(self, translation, prefix):
        end = 0
        for word, _ in translation.word_confidence:
            end = translation.text.index(word, end) + len(word)
            if end > len(prefix):
                return translation.text[len(prefix) : end].rstrip(",")
        return ""

    def _begun(self, line, prefix):
        # The whole of a line in segments is translated in another way.
        first = int(bool(prefix) and "split" in line.split())
        found = [self._candidate(line, rank) for rank in range(first, 10)]
        return [each for each in found if each.text.startswith(prefix)] or found

    def _candidate(self, line, rank):
        source = line.split()
        order = [*range(len(source))][::-1]
        target = [source[number].upper() for number in order]
        if rank == 1 and "SYNONYM" in target:
            target[target.index("SYNONYM")] = "OTHER"
            rank = 0
        target += ["MORE"] * rank
        space = "" if "unspaced" in source else " "
        translation = Translation(space.join(target), log_prob=-1.0 - rank)
        sure = {"UNSURE": 0.3, "FAIR": 0.7}
        translation.word_confidence = [(word, sure.get(word, 0.9)) for word in target]
        self._noted(translation, source)
        if "split" in source:
            return translation
        translation.source_pieces = [f"▁{word}" for word in source] + ["</s>"]
        translation.target_pieces = [f"▁{word}" for word in target] + ["</s>"]
        ends = [len(source)] * (rank + 1)
        translation.attention = np.eye(len(source) + 1)[[*order, *ends]]
        translation.confidence = 0.75
        return translation

    def _noted(self, translation, source):
        used = {"term": True, "absent": False}
        translation.terms = [(word.upper(), used[word]) for word in source if word in used]
        translation.warnings = ["Look here"] if "warned" in source else []
        if "similar" in source:
            translation.match = Match("like it", "ES ÄHNLICH", 0.8)


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrections")
    runs = fixed_runs(("en", "de"), ("de", "en"), folder=folder, translator=Backwards())
    with serving(runs, suggestions=True) as port:
        yield port


def page(name):
    return (resources.files("nmt.serving") / "page" / name).read_text(encoding="utf-8")


def texts():
    """The table of what the page says."""
    found = re.search(r"^const TEXTS = (\{.*?^\});$", page("page.js"), re.S | re.M)
    return json.loads(found[1])


@pytest.mark.parametrize("path", FILES)
def test_files_are_served_and_may_load_nothing_from_elsewhere(port, path):
    status, headers, content = ask(port, "GET", path)
    assert status == 200 and headers["content-type"] == FILES[path]
    policy = dict(part.split(maxsplit=1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    addresses = re.findall(r"(?:https?:)?//[\w.]+", content.decode().replace("\n//", "\n"))
    assert set(addresses) <= {"http://www.w3.org"}  # the name of a format


def test_the_page_is_small_and_keeps_nothing():
    content = [page(name) for name in ("page.html", "page.css", "page.js")]
    assert sum(len(each.encode()) for each in content) < MOST_BYTES
    for word in ("localStorage", "sessionStorage", "cookie", "innerHTML", "eval("):
        assert word not in content[2]
    # The policy forbids both.
    assert not re.search(r"\bstyle=|\bon\w+=|<style", content[0])


def test_each_language_says_everything_that_is_asked_for():
    table = texts()
    assert set(table) == {"en", "de", "ja"}
    html, script = page("page.html"), page("page.js").split("\n};", 1)[1]
    asked = set(re.findall(r'data-(?:text|label|title|placeholder)="(\w+)"', html))
    used = asked | {key for key in table["en"] if re.search(rf'"{key}"', script)}
    for language, said in table.items():
        assert set(said) == used, language
        for key, text in said.items():
            assert text.strip()
            gaps = [sorted(re.findall(r"\{\w+\}", each)) for each in (text, table["en"][key])]
            assert gaps[0] == gaps[1], (language, key)


def details(port, text, **fields):
    fields = {"q": text, "source": "en", "target": "de", "details": True, **fields}
    status, answer = ask_json(port, "/translate", fields)
    assert status == 200, answer
    return answer


@pytest.mark.parametrize(
    "text", ["one two {x} three", "  a b\n\nc d e \n", "ä 犬 😀 b", " \n", "a"]
)
def test_details_are_places_of_both_texts(port, text):
    answer = details(port, text)
    translated = answer["translatedText"]
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    assert len(answer["details"]) == len(lines)
    for line, segment in zip(lines, answer["details"], strict=True):
        source, target = segment["source"], segment["target"]
        assert text[source["start"] : source["end"]] == line
        assert [text[slice(*place)] for place in source["words"]] == line.split()
        words = line.upper().split()[::-1]
        assert translated[target["start"] : target["end"]] == " ".join(words)
        assert [translated[slice(*place)] for place in target["words"]] == words
        # Each word attends to the one that it was made of.
        assert segment["attention"] == np.eye(len(words))[::-1].tolist()
        assert segment["wordConfidence"] == [90] * len(words)
        assert segment["confidence"] == 75 and not segment["corrected"]


def test_details_of_lists_and_detected_languages(port):
    answer = details(port, ["the light", "das licht"], source="auto")
    assert [len(each) for each in answer["details"]] == [1, 1]
    # The second text is in the target's language already.
    assert answer["details"][1][0]["attention"] == []
    assert "details" not in details(port, "a", details=False)
    assert "details" not in details(port, "<p>a</p>", format="html")


# Source, its pieces, target, its pieces (without the end), and the words of the target.
PIECES = {
    "words of several pieces": (
        "isn't it",
        ["▁is", "n't", "▁it"],
        "Ist es nicht?",
        ["▁I", "st", "▁es", "▁nicht", "?"],
        ["Ist", "es", "nicht?"],
    ),
    "symbols of placeholders": (
        "Delete {name}?",
        ["▁Delete", "▁", "\ue000", "?"],
        "{name} löschen?",
        ["▁", "\ue000", "▁löschen", "?"],
        ["{name}", "löschen?"],
    ),
    "other capitals, other signs": (
        "ＯＰＥＮ it",
        ["▁open", "▁it"],
        "ÖFFNE es",
        ["▁öff", "ne", "▁es"],
        ["ÖFFNE", "es"],
    ),
    "no spaces": ("the light", ["▁the", "▁light"], "明かりです", ["▁明", "かり", "です"], None),
}


@pytest.mark.parametrize("name", PIECES)
def test_pieces_become_words(name):
    from nmt.serving.details import segments

    source, source_pieces, target, target_pieces, expected = PIECES[name]
    weights = np.random.default_rng(1).dirichlet(
        np.ones(len(source_pieces) + 1), len(target_pieces) + 1
    )
    translation = Translation(target)
    translation.source_pieces = [*source_pieces, "</s>"]
    translation.target_pieces = [*target_pieces, "</s>"]
    translation.attention = weights
    (segment,) = segments(source, [(source, translation)], "en", "ja" if not expected else "de")
    words = [target[slice(*place)] for place in segment["target"]["words"]]
    assert words == (expected or ["明", "かり", "です"])
    attention = np.array(segment["attention"])
    assert attention.shape == (len(words), len(source.split()))
    # The means of rows lie between those of pieces: none of the attention is lost but the end's.
    shares = weights[:-1, :-1].sum(1)
    assert (attention.sum(1) >= shares.min() - 0.01).all()
    assert (attention.sum(1) <= shares.max() + 0.01).all()


def test_alternatives_are_beginnings_that_a_translation_goes_on_from(port):
    fields = {"q": "one two", "source": "en", "target": "de"}
    status, answer = ask_json(port, "/alternatives", {**fields, "prefix": "TWO ONE", "limit": 3})
    assert status == 200
    assert [each["word"] for each in answer["alternatives"]] == ["MORE"]
    assert [each["text"] for each in answer["alternatives"]] == ["TWO ONE MORE"]
    _, answer = ask_json(port, "/alternatives", fields)
    assert [each["word"] for each in answer["alternatives"]] == ["TWO"]
    assert sum(each["probability"] for each in answer["alternatives"]) == pytest.approx(1)
    chosen = details(port, "one two", prefix="TWO ONE MORE")
    assert chosen["translatedText"] == "TWO ONE MORE" and len(chosen["details"]) == 1


def test_a_translation_for_each_prefix(port):
    prefixes = ["TWO ONE", "TWO ONE MORE", "TWO ONE MORE MORE"]
    alone = [details(port, "one two", prefix=each) for each in prefixes]
    answer = details(port, "one two", prefix=prefixes)
    assert answer["translatedText"] == prefixes
    assert answer == {key: [each[key] for each in alone] for key in alone[0]}
    # One in the target's language stays as it is.
    answer = details(port, "das licht", prefix=["a", "b"], source="auto")
    assert answer["translatedText"] == ["das licht"] * 2
    assert [each["language"] for each in answer["detectedLanguage"]] == ["de", "de"]


@pytest.mark.parametrize("prefix", [3, ["a", 3], ["a"] * 11, [], {"a": 1}, 0, False])
def test_prefixes_that_are_refused(port, prefix):
    fields = {"q": "a", "source": "en", "target": "de", "prefix": prefix}
    status, answer = ask_json(port, "/translate", fields)
    assert status == 400 and "prefix" in answer["error"]


def test_next_words_of_a_translator_are_asked_for():
    class Knowing(Backwards):
        def candidates(self, lines, nbest=1, prefixes=None, whole_words=False, **_):
            end = " end" if whole_words else "fold end"
            return [[Translation(f"{prefix}{end}")] for prefix in prefixes]

        def alternatives(self, line, prefix, limit):
            following = [(" one", 0.5), ("", 0.3), (" two", 0.1)]
            return [SimpleNamespace(text=text, probability=p) for text, p in following][:limit]

    fields = {"q": "a b", "source": "en", "target": "de", "prefix": "Say"}
    with serving(fixed_runs(("en", "de"), translator=Knowing())) as port:
        _, answer = ask_json(port, "/alternatives", fields)
        begun = details(port, "a b", prefix="Say two")
        chosen = details(port, "a b", prefix="Say two", wholeWord=True)
    assert answer["alternatives"] == [
        {"text": "Say one", "word": "one", "probability": 0.5},
        {"text": "Say two", "word": "two", "probability": 0.1},
    ]
    assert begun["translatedText"] == "Say twofold end"
    assert chosen["translatedText"] == "Say two end"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"q": "a\nb"}, "one line"),
        ({"limit": 0}, "limit"),
        ({"limit": 99}, "limit"),
        ({"limit": True}, "limit"),
        ({"prefix": 3}, "prefix must be text"),
        ({"q": ""}, "missing q"),
        ({"target": "zz"}, "zz is not supported"),
    ],
)
def test_alternatives_that_are_refused(port, fields, message):
    fields = {"q": "a", "source": "en", "target": "de", **fields}
    status, answer = ask_json(port, "/alternatives", fields)
    assert status == 400 and message in answer["error"]


def test_a_kept_translation_is_told_as_such(port):
    pair = {"source": "en", "target": "de"}
    assert ask_json(port, "/suggest", {"q": "keep me", "s": "Behalt mich", **pair})[0] == 200
    (segment,) = details(port, "keep me")["details"]
    assert segment["corrected"] and segment["confidence"] == 100
    assert segment["attention"] == [] and len(segment["target"]["words"]) == 2


# In a browser.


@pytest.fixture(scope="module")
def browser():
    """A Chromium without a window; its download folder is `browser.downloads`.

    Without one that starts the test is skipped.
    """
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    there = {**programs, "selenium": is_installed("selenium")}
    missing = [name for name, is_there in there.items() if not is_there]
    if missing:
        without_browser(f"{', '.join(missing)} not installed")
    from selenium.common import WebDriverException

    # All that the browser writes is below a folder that goes away with it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            started = start_browser(programs["chromium"], programs["chromedriver"], folder)
        except (WebDriverException, OSError) as error:
            without_browser(str(error).removeprefix("Message: ").partition("\n")[0])
        try:
            started.downloads = Path(folder) / "downloads"
            behaviour = {"behavior": "allow", "downloadPath": str(started.downloads)}
            started.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
            yield started
        finally:
            started.quit()


def without_browser(reason):
    pytest.skip(f"no browser to see the page in: {reason}")


def start_browser(chromium, chromedriver, folder):
    """Selenium's driver of a Chromium that writes into a folder."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "headless=new",
        "no-sandbox",  # the sandbox is not for root
        "disable-dev-shm-usage",  # small in containers
        "disable-gpu",
        "lang=en",
        f"user-data-dir={folder}/profile",
    ):
        options.add_argument(f"--{argument}")
    options.add_experimental_option("prefs", {"intl.accept_languages": "en"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # With the driver's path, selenium neither looks for one on the network nor tells of itself.
    home = {**os.environ, "HOME": folder, "TMPDIR": folder}
    service = webdriver.ChromeService(chromedriver, env=home)
    return webdriver.Chrome(options=options, service=service)


@pytest.fixture
def opened(browser, port):
    """Opens the page with a text. In the end no request left, and the console is empty."""

    def open_page(text="", width=1280, scheme="light", language="en"):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        features = [{"name": name, "value": value} for name, value in media.items()]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        agent = {"userAgent": "test", "acceptLanguage": language}
        browser.execute_cdp_cmd("Network.setUserAgentOverride", agent)
        fields = urlencode({"source": "en", "target": "de", "text": text})
        # Another address, so that the page is loaded anew.
        browser.get(f"http://127.0.0.1:{port}/?{time.time_ns()}#{fields}")
        page = Page(browser)
        becomes(lambda: bool(page.all(".word" if text else "#to option")), True)
        return page

    browser.get_log("browser")
    browser.get_log("performance")
    yield open_page
    messages = [json.loads(each["message"])["message"] for each in browser.get_log("performance")]
    sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    urls = {each["request"]["url"] for each in sent}
    inside = (f"http://127.0.0.1:{port}/", "data:", "about:")
    assert urls and all(url.startswith(inside) for url in urls), urls
    # A level says less than the text: all that is in the console is a fault.
    assert [each["message"] for each in browser.get_log("browser")] == []


def becomes(found, expected):
    """Returns when a function returns what is expected."""
    deadline = time.monotonic() + PATIENCE
    while (value := found()) != expected and time.monotonic() < deadline:
        time.sleep(PAUSE)
    assert value == expected


class Page:
    """What a user does with the page, and sees on it."""

    def __init__(self, browser):
        self.browser = browser

    def __getattr__(self, name):
        """An element by its id."""
        return self.browser.find_element("id", name)

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def texts(self, selector):
        """The texts of elements, all of one moment: they may be exchanged at any time."""
        found = "[...document.querySelectorAll(arguments[0])]"
        return self.run(f"return {found}.map(each => each.textContent)", selector)

    def words(self):
        return self.texts("#output .word")

    def marked(self):
        return self.texts("#mirror mark")

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def focused(self):
        return self.browser.switch_to.active_element

    def keys(self, *keys):
        """Presses keys together, where the focus is."""
        from selenium.webdriver import ActionChains

        actions = ActionChains(self.browser)
        for key in keys:
            actions.key_down(key)
        for key in reversed(keys):
            actions.key_up(key)
        actions.perform()

    def hover(self, element):
        self.pointer().move_to_element(element).perform()

    def pointer(self):
        """What a mouse does, to be performed."""
        from selenium.webdriver import ActionChains

        return ActionChains(self.browser)


def test_translation_comes_while_one_types(opened):
    page = opened()
    page.text.send_keys("one two")
    becomes(page.words, ["TWO", "ONE"])
    page.text.send_keys(" unsure fair")
    becomes(page.words, ["FAIR", "UNSURE", "TWO", "ONE"])
    assert page.spoken.get_attribute("textContent") == "FAIR UNSURE TWO ONE"
    assert page.sure.text == "75 % sure"
    # Not by colour alone.
    styles = [each.value_of_css_property("text-decoration-style") for each in page.all(".word")]
    assert styles == ["dotted", "wavy", "solid", "solid"]
    assert "text=one+two+unsure+fair" in page.run("return location.hash")
    page.clear.click()
    assert page.words() == [] and page.text.get_attribute("value") == ""
    assert "text=" not in page.run("return location.hash")


def test_late_answers_are_dropped(opened):
    page = opened()
    # The first answer waits until it is let go.
    page.run("""
        const real = window.fetch;
        let count = 0;
        window.fetch = async (path, options) => {
          const isFirst = path === "translate" && ++count === 1;
          const response = await real(path, {...options, signal: undefined});
          const body = await response.json();
          if (isFirst) await new Promise(done => { window.letGo = done; });
          return {ok: true, json: async () => body};
        };
    """)
    page.text.send_keys("first")
    page.keys(CONTROL, ENTER)
    becomes(lambda: page.run("return Boolean(window.letGo)"), True)
    page.text.send_keys(" second")
    page.keys(CONTROL, ENTER)
    becomes(page.words, ["SECOND", "FIRST"])
    page.run("window.letGo(); return new Promise(done => setTimeout(done))")
    assert page.words() == ["SECOND", "FIRST"]


def test_words_show_what_they_were_translated_from(opened):
    page = opened("one two\nthree")
    for number, expected in enumerate(["two", "one", "three"]):
        page.hover(page.all(".word")[number])
        becomes(page.marked, [expected])
    # The mark is behind the word: in the second line of the text.
    mark = page.all("#mirror mark")[0].rect
    lines = {
        name: float(page.text.value_of_css_property(name).removesuffix("px"))
        for name in ("padding-top", "line-height")
    }
    middle = page.text.rect["y"] + lines["padding-top"] + 1.5 * lines["line-height"]
    assert mark["y"] < middle < mark["y"] + mark["height"]
    page.hover(page.text)
    becomes(page.marked, [])
    page.map.find_element("tag name", "summary").click()
    page.hover(page.all(".word")[0])
    becomes(lambda: page.texts("#table tbody th"), ["TWO", "ONE"])
    assert page.texts("#table tbody td") == ["", "100", "100", ""]


def test_lines_in_segments_and_what_is_noted_of_lines(opened):
    page = opened("split term\nabsent\nsimilar warned\nterm door")
    titles = ["Similar, translated before (80 %)", "Terms", "Terms that are not used"]
    assert page.texts(".note h3") == titles
    assert page.texts(".note p") == ["like it", "ES ÄHNLICH", "Look here", "TERM", "ABSENT"]
    # Of a line in segments no word is known to come from another; the table is of the next line.
    page.hover(page.all(".word")[0])
    assert page.words()[:2] == ["TERM", "SPLIT"] and page.marked() == []
    page.map.find_element("tag name", "summary").click()
    assert page.texts("#table tbody th") == ["ABSENT"]


def test_the_same_word_is_no_other_way_whatever_comes_after_it(opened):
    page = opened("split term\nsplit door, open\nsplit unspaced synonym door")
    words = {"SPLIT": [], "DOOR,": [], "UNSPACED": [], "SYNONYM": ["OTHER"]}
    for word, others in words.items():
        page.all(".word")[page.words().index(word)].click()
        becomes(page.choices.is_displayed, True)
        assert page.texts("#list b") == others, word


def test_the_keyboard_is_enough(opened):
    page = opened("stay here\none two")
    becomes(lambda: page.focused().get_attribute("id"), "text")
    stops = 0
    while page.focused().get_attribute("class") != "word ":
        page.keys(TAB)
        stops += 1
        assert stops < 10
    page.keys(RIGHT)
    page.keys(RIGHT)
    page.keys(RIGHT)
    assert page.focused().text == "ONE" and page.marked() == ["one"]
    page.keys(RIGHT)
    assert page.focused().text == "ONE"
    # The alternatives here end with the word, or go on.
    page.keys(ENTER)
    becomes(page.choices.is_displayed, True)
    assert page.texts("#list b") == []
    page.keys(ESCAPE)
    becomes(page.choices.is_displayed, False)
    assert page.focused().text == "ONE"
    page.copy.send_keys(ENTER)
    becomes(lambda: page.status.text, "Copied")


@pytest.mark.parametrize("way", ["click", "keys", "number"])
def test_another_way_is_chosen_for_one_line(opened, way):
    page = opened("stay here\nsynonym two")
    word = page.all(".word")[3]
    assert word.text == "SYNONYM"
    if way == "number":
        page.run("arguments[0].focus()", word)
        page.keys(ALT, "1")
    else:
        word.click()
        becomes(lambda: page.texts("#list b")[:1], ["OTHER"])
        # Its marks stay while one chooses.
        assert page.marked() == ["synonym"]
        if way == "click":
            page.all("#list button")[0].click()
        else:
            page.keys(ENTER)
    becomes(page.words, ["HERE", "STAY", "TWO", "OTHER"])
    assert page.output.text == "HERE STAY\nTWO OTHER"
    # Marks are those of the new translation, in the same line of the text.
    assert page.focused().text == "OTHER" and page.marked() == ["synonym"]


# What the page asks for is written down, and waits while it is of a held kind.
HOLDING = """
    const real = window.fetch;
    window.sent = [];
    window.held = arguments[0];
    window.fetch = async (path, options) => {
      const kind = options.body.includes('"wholeWord":') ? `${path} begun` : path;
      window.sent.push([kind, options.signal]);
      if (kind === window.held) {
        await new Promise((done, fail) => {
          window.letGo = done;
          options.signal.onabort = () => fail(options.signal.reason);
        });
      }
      return real(path, options);
    };
    window.told = [];
    for (const id of ["status", "spoken"])
      new MutationObserver(() => window.told.push($(id).textContent))
        .observe($(id), {childList: true, characterData: true, subtree: true});
"""
SENT = "return window.sent.map(([kind, signal]) => [kind, signal.aborted])"


def test_words_come_before_what_goes_on_from_them(opened, axe):
    page = opened("two synonym")
    page.run(HOLDING, "translate begun")
    page.all(".word")[0].click()
    becomes(lambda: page.texts("#list b"), ["OTHER"])
    (button,) = page.all("#list button")
    assert page.focused() == button and " ".join(button.text.split()) == "1 OTHER 10 %"
    size = button.size
    page.run(axe)
    assert violations(page) == []
    page.run("window.letGo()")
    becomes(lambda: " ".join(button.text.split()), "1 OTHER TWO 10 %")
    becomes(page.busy.is_displayed, False)
    # Nothing has moved, and nothing but the focus has been told.
    assert page.focused() == button and button.size == size
    assert page.run("return window.told") == []
    # What is there is not asked for again.
    button.click()
    becomes(page.words, ["OTHER", "TWO"])
    assert [kind for kind, _ in page.run(SENT)] == ["alternatives", "translate begun"]
    assert page.run("return window.told") == ["OTHER TWO"]


@pytest.mark.parametrize("way", ["click", "keys"])
def test_a_word_is_chosen_before_what_goes_on_from_it_has_come(opened, way):
    page = opened("two synonym")
    page.run(HOLDING, "translate begun")
    page.all(".word")[0].click()
    becomes(lambda: page.texts("#list b"), ["OTHER"])
    page.run("window.held = null")
    if way == "click":
        page.all("#list button")[0].click()
    else:
        page.keys(ALT, "1")
    becomes(page.words, ["OTHER", "TWO"])
    assert page.run(SENT)[1:] == [["translate begun", True], ["translate begun", False]]
    assert page.run("return window.told") == ["OTHER TWO"]
    assert page.focused().text == "OTHER"


def test_the_last_of_quick_clicks_is_answered(opened):
    page = opened("two synonym three")
    page.run(HOLDING, "alternatives")
    for word in page.all(".word"):
        word.click()
    page.run("window.held = null; $('output').querySelectorAll('.word')[1].click()")
    becomes(lambda: page.texts("#list b"), ["OTHER"])
    aborted = [is_aborted for kind, is_aborted in page.run(SENT) if kind == "alternatives"]
    assert aborted == [True, True, True, False]
    # What was asked for last is given up, too.
    page.run("window.held = 'alternatives'")
    page.all(".word")[0].click()
    page.keys(ESCAPE)
    becomes(page.busy.is_displayed, False)
    assert page.run(SENT)[-1] == ["alternatives", True]
    assert not page.choices.is_displayed() and page.status.text == ""


def test_the_words_of_a_press_are_there_at_the_click(opened):
    page = opened("two synonym")
    page.run(HOLDING, None)
    word = page.all(".word")[0]
    page.pointer().click_and_hold(word).perform()
    becomes(lambda: page.run(SENT), [["alternatives", False]])
    assert not page.choices.is_displayed()
    page.pointer().release().perform()
    becomes(lambda: page.texts("#list b"), ["OTHER"])
    becomes(page.busy.is_displayed, False)
    # A second click on the word changes nothing.
    page.pointer().double_click(word).perform()
    assert page.texts("#list b") == ["OTHER"] and page.choices.is_displayed()
    assert [kind for kind, _ in page.run(SENT)] == ["alternatives", "translate begun"]


@pytest.mark.parametrize("end", ["release elsewhere", "pointercancel", "pointerdown"])
def test_what_was_asked_at_a_press_without_a_click_is_given_up(opened, end):
    page = opened("two synonym")
    page.run(HOLDING, "alternatives")
    word, other = page.all(".word")
    page.pointer().click_and_hold(word).perform()
    becomes(lambda: page.run(SENT), [["alternatives", False]])
    if end != "release elsewhere":
        # As of a finger that scrolls, or of a second one.
        page.run(f"document.dispatchEvent(new PointerEvent('{end}'))")
    page.pointer().release(other).perform()
    becomes(lambda: page.run(SENT), [["alternatives", True]])
    assert not page.choices.is_displayed() and page.status.text == ""


def test_other_presses_ask_nothing(opened):
    page = opened("two synonym")
    page.run(HOLDING, None)
    word = page.all(".word")[0]
    page.pointer().context_click(word).perform()
    press = "arguments[0].dispatchEvent(new PointerEvent('pointerdown', arguments[1]))"
    page.run(press, word, {"bubbles": True, "isPrimary": False})
    page.run("$('output').classList.add('stale')")
    page.run(press, word, {"bubbles": True, "isPrimary": True})
    assert page.run(SENT) == []


def test_an_error_is_told_at_the_click_and_the_next_one_asks_again(opened):
    page = opened("two synonym")
    page.run("""
        const real = window.fetch;
        window.fetch = async () => {
          window.fetch = real;
          return new Response('{"error": "Too much waits"}', {status: 503});
        };
    """)
    word = page.all(".word")[0]
    page.pointer().click_and_hold(word).pause(0.1).perform()
    assert page.status.text == ""
    page.pointer().release().perform()
    becomes(lambda: page.status.text, "Too much waits")
    word.click()
    becomes(lambda: page.texts("#list b"), ["OTHER"])


def test_that_there_is_no_other_way_is_told(opened):
    page = opened("one two")
    page.run(HOLDING, None)
    page.all(".word")[1].click()
    becomes(page.choices.is_displayed, True)
    assert page.run("return window.told") == [page.texts("#choices-label")[0]]


def test_a_better_translation_is_kept(opened):
    page = opened("please keep\nthis too")
    page.edit.click()
    assert page.focused().get_attribute("id") == "edited"
    page.edited.clear()
    page.edited.send_keys("Bitte behalten\nauch das" + "\n" * 12)
    # It grows with what is written.
    heights = [page.edited.get_property(name) for name in ("scrollHeight", "clientHeight")]
    assert heights[0] == heights[1]
    page.keep.click()
    becomes(lambda: page.status.text.startswith("Kept"), True)
    assert page.words() == ["Bitte", "behalten", "auch", "das"]
    assert page.sure.text == "kept translation"
    page.edit.click()
    page.edited.send_keys(" nicht")
    page.keys(ESCAPE)
    assert page.words() == ["Bitte", "behalten", "auch", "das"] and not page.edited.is_displayed()


@pytest.mark.parametrize("edited", ["", "alles in einer", "eine\nzwei\n\ndrei"])
def test_a_translation_with_other_lines_is_not_kept_and_can_be_mended(opened, browser, edited):
    page = opened("all of\nthese lines")
    page.edit.click()
    page.edited.clear()
    page.edited.send_keys(edited)
    page.keep.click()
    becomes(lambda: page.status.text, texts()["en"]["uneven"])
    assert page.edited.is_displayed() and page.edited.get_attribute("value") == edited
    (refusal,) = browser.get_log("browser")
    assert "suggest" in refusal["message"] and "400" in refusal["message"]


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_file_comes_back_translated(opened, browser, tmp_path, way):
    page = opened()
    name = f"{way}.txt"
    (tmp_path / name).write_text("one two\n\nthree\n")
    if way == "chosen":
        page.file.send_keys(str(tmp_path / name))
    else:
        page.run(
            """
            const data = new DataTransfer();
            data.items.add(new File(["one two\\n\\nthree\\n"], arguments[0]));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
            """,
            name,
        )
    becomes((browser.downloads / name).exists, True)
    assert (browser.downloads / name).read_text() == "TWO ONE\n\nTHREE\n"
    assert page.status.text == f"Translated: {name}"


def test_errors_are_told(opened):
    page = opened()
    page.run("""
        window.fetch = async () => new Response('{"error": "Too much waits"}', {status: 503});
    """)
    page.text.send_keys("a")
    becomes(lambda: page.status.text, "Too much waits")
    page.run("window.fetch = async () => { throw new TypeError(); }")
    page.text.send_keys("b")
    becomes(lambda: page.status.text, texts()["en"]["offline"])


def test_languages_are_swapped_with_the_texts_or_alone(opened):
    page = opened("one two")
    page.swap.click()
    becomes(page.words, ["ONE", "TWO"])
    assert page.text.get_attribute("value") == "TWO ONE"

    def chosen():
        return page.run("return [$('from').value, $('to').value]")

    assert chosen() == ["de", "en"]
    page.run("$('swap').dispatchEvent(new MouseEvent('click', {shiftKey: true}))")
    becomes(chosen, ["en", "de"])
    assert page.text.get_attribute("value") == "TWO ONE"


@pytest.mark.parametrize(("language", "said"), [("de-AT", "de"), ("ja", "ja"), ("fr", "en")])
def test_the_page_speaks_the_language_of_the_browser(opened, language, said):
    page = opened("one", language=language)
    assert page.run("return document.documentElement.lang") == said
    assert page.copy.text == texts()[said]["copy"]
    if said != "en":
        names = [each.text for each in page.all("#to option")]
        assert names == [{"de": "Deutsch", "ja": "ドイツ語"}[said]]


RIGHT_TO_LEFT = "افتح الباب\nopen the door"


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_all_can_be_read_and_reached(opened, axe, width, scheme):
    page = opened(f"unsure fair {'long' * 30}\n{RIGHT_TO_LEFT}\nterm similar", width, scheme)
    page.map.find_element("tag name", "summary").click()
    page.all(".word")[-1].click()
    becomes(page.choices.is_displayed, True)
    assert page.run(
        "const {scrollWidth, clientWidth} = document.documentElement;"
        "return scrollWidth <= clientWidth"
    )
    below = page.output.rect["y"] >= page.text.rect["y"] + page.text.rect["height"]
    assert below == (width == 320)
    # Lines from right to left begin at the right.
    first, last = page.all(".word")[3:5]
    assert first.rect["x"] > last.rect["x"]
    ground = page.run("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    page.run(axe)
    assert violations(page) == []
    page.edit.click()
    assert violations(page) == []


@pytest.fixture(scope="module")
def axe():
    """The script of axe-core."""
    package = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    return (resources.files(package) / "axe.min.js").read_text(encoding="utf-8")


def violations(page):
    """What axe-core says against the page as it is: (rule, elements)."""
    found = page.run("return axe.run().then(found => found.violations)")
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found]
