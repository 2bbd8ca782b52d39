"""What a user of the page waits for after a click on a word, in a browser.

    python -m tests.serving.clicks RUN [SENTENCES]

Sentences are those that the run was validated with; a word of each is clicked on. Times are from
the click to the frame after the change, so that they are those of what is on the screen.
"""

import random
import shutil
import statistics
import sys
import tempfile
import time
from urllib.parse import urlencode

from nmt.machine import cores
from nmt.runs.folder import Run
from nmt.runs.held_out import held_out
from tests.serving.load import Server
from tests.serving.test_page import start_browser

SENTENCES = 60
FIRST = 3  # that are not counted: what comes first is slow
PATIENCE = 30  # seconds
# Gives the milliseconds until the words, their translations, and the translation with the first.
CLICKS = """
    const [number, atOnce, done] = arguments;
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
    const clicks = async () => {
      const begin = performance.now();
      $("output").querySelectorAll(".word")[number].click();
      const words = await until(() => !$("choices").hidden) - begin;
      const first = $("list").querySelector("button");
      if (!first) return [words, null, null];
      const all = atOnce ? null : await until(() => $("busy").hidden) - begin;
      const chosen = performance.now();
      first.click();
      return [words, all, await until(() => $("choices").hidden) - chosen];
    };
    clicks().then(done);
"""
IS_TRANSLATED = "return $('busy').hidden && !$('output').matches('.stale') && Boolean(answer)"
WORDS = "$('output').querySelectorAll('.word')"


class Page:
    """The page in a browser, with one text at a time."""

    def __init__(self, browser, port, languages):
        self.run = browser.execute_script
        self._run_async = browser.execute_async_script
        browser.set_script_timeout(PATIENCE)
        browser.get(f"http://127.0.0.1:{port}/#{urlencode(languages)}")
        self._until("return Boolean(languages.length)")

    def translate(self, text):
        """Waits for the translation of a text; returns its number of words."""
        self.run("$('text').value = arguments[0]; answer = null; changed(0)", text)
        self._until(IS_TRANSLATED)
        return self.run(f"return {WORDS}.length")

    def click(self, number, at_once):
        """Milliseconds to the words, to their translations, and from a choice to what it gives.

        at_once: the choice is made before their translations have come. None for what is not there.
        """
        return self._run_async(CLICKS, number, at_once)

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
    names = ("words", "their translations", "a choice, then", "a choice at once")
    waits = {name: [] for name in names}
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    with Server(run) as server, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = start_browser(*programs, folder)
        try:
            page = Page(browser, server.port(), {"source": data.source, "target": data.target})
            _click(page, lines[:FIRST], {name: [] for name in names})
            _click(page, lines[FIRST:], waits)
        finally:
            browser.quit()
    return waits


def _click(page, lines, waits):
    """Clicks on a word of each line and chooses another one: later, and at once."""
    rng = random.Random(1)
    for line in lines:
        number = rng.randrange(page.translate(line))
        for name in ("a choice, then", "a choice at once"):
            page.translate(line)
            found = page.click(number, name == "a choice at once")
            for kind, wait in zip(("words", "their translations", name), found, strict=True):
                if wait is not None:
                    waits[kind].append(wait)


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
        print(f"{name:20} median {median:5.0f} ms, 9 of 10 at most {most:5.0f} ms")
