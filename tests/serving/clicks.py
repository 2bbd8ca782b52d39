"""What a user of the page waits for after a click on a word, in a browser.

    python -m tests.serving.clicks RUN [SENTENCES]

Sentences are those that the run was validated with; a word of each is clicked on. Times are from
the click to the frame after the change, so that they are those of what is on the screen. Each word
is clicked on in two ways. One is a click and nothing else, as of a key or by a program. The other
is that of a mouse or a finger, which is down for a while: its time begins when the button goes up.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from urllib.parse import urlencode

from nmt.machine import cores
from nmt.runs.folder import Run
from nmt.runs.held_out import held_out
from tests.serving.load import Server
from tests.serving.test_page import start_browser

SENTENCES = 60
FIRST = 3  # that are not counted: what comes first is slow
PATIENCE = 30  # seconds
PRESS = 80  # milliseconds that a button is down; a person's takes 60 to 100
# Prepares for one click on any word; `clicked` gives the milliseconds until the words, their
# translations, and the translation with the first.
WATCH = """
    const [atOnce] = arguments;
    const until = condition => new Promise(so => {
      const look = () => {
        if (!condition()) return;
        watch.disconnect();
        requestAnimationFrame(() => setTimeout(() => so(performance.now())));
      };
      const watch = new MutationObserver(look);
      watch.observe(document.body, {subtree: true, childList: true, attributes: true});
      look();
    });
    const measured = async begin => {
      const words = await until(() => !$("choices").hidden) - begin;
      const first = $("list").querySelector("button");
      if (!first) return [words, null, null];
      const all = atOnce ? null : await until(() => $("busy").hidden) - begin;
      const chosen = performance.now();
      first.click();
      return [words, all, await until(() => $("choices").hidden) - chosen];
    };
    window.clicked = new Promise(so => document.addEventListener(
      "click", event => so(measured(event.timeStamp)), {capture: true, once: true}));
"""
IS_TRANSLATED = "return $('busy').hidden && !$('output').matches('.stale') && Boolean(answer)"
WORDS = "$('output').querySelectorAll('.word')"


class Page:
    """The page in a browser, with one text at a time."""

    def __init__(self, browser, port, languages):
        self._browser = browser
        self.run = browser.execute_script
        browser.set_script_timeout(PATIENCE)
        browser.get(f"http://127.0.0.1:{port}/#{urlencode(languages)}")
        self._until("return Boolean(languages.length)")

    def translate(self, text):
        """Waits for the translation of a text; returns its number of words."""
        self.run("$('text').value = arguments[0]; answer = null; changed(0)", text)
        self._until(IS_TRANSLATED)
        return self.run(f"return {WORDS}.length")

    def click(self, number, press, at_once):
        """Milliseconds to the words, to their translations, and from a choice to what it gives.

        press: how long a button is down, or 0 for a click alone. at_once: the choice is made before
        their translations have come. None for what is not there.
        """
        self.run(WATCH, at_once)
        if press:
            self._press(self.run(f"return {WORDS}[arguments[0]]", number), press)
        else:
            self.run(f"{WORDS}[arguments[0]].click()", number)
        return self.run("return clicked")

    def _press(self, element, milliseconds):
        from selenium.webdriver import ActionChains

        actions = ActionChains(self._browser, duration=0)
        actions.click_and_hold(element).pause(milliseconds / 1000).release().perform()

    def _until(self, script):
        deadline = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < deadline, script
            time.sleep(0.005)


def measure(run, sentences=SENTENCES):
    """The milliseconds of each kind, by its name."""
    opened = Run(run)
    data = opened.recipe.data
    lines = [source for source, _ in held_out(opened, "valid", FIRST + sentences)]
    waits = defaultdict(list)
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    with Server(run) as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = start_browser(*programs, folder)
        try:
            page = Page(browser, server.port(), {"source": data.source, "target": data.target})
            _click(page, lines[:FIRST], defaultdict(list))
            _click(page, lines[FIRST:], waits)
        finally:
            browser.quit()
    return waits


def _click(page, lines, waits):
    """Clicks on a word of each line and chooses another one: later, and at once."""
    rng = random.Random(1)
    for line in lines:
        number = rng.randrange(page.translate(line))
        for press, way in ((0, "a click alone"), (PRESS, f"a press of {PRESS} ms")):
            for choice in ("a choice, then", "a choice at once"):
                page.translate(line)
                found = page.click(number, press, choice == "a choice at once")
                names = (f"{way}: words", f"{way}: their translations", choice)
                for name, wait in zip(names, found, strict=True):
                    if wait is not None:
                        waits[name].append(wait)


def figures(waits):
    """Median and the wait that 9 of 10 have at most, of each kind."""
    return {
        name: (statistics.median(own), sorted(own)[int(0.9 * len(own))])
        for name, own in waits.items()
    }


if __name__ == "__main__":
    typed = [kind(each) for kind, each in zip((str, int), sys.argv[1:], strict=False)]
    print(f"{cores()} cores")
    for name, (median, most) in figures(measure(*typed)).items():
        print(f"{name:38} median {median:5.0f} ms, 9 of 10 at most {most:5.0f} ms")
