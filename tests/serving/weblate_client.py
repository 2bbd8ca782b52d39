"""What Weblate's own classes make of a server, as JSON.

    PYTHON weblate_client.py URL SOURCE TARGET

PYTHON: an interpreter that has Weblate. Nothing of nmt is imported, and no database is asked.
Extensions in C that are hard to build need not be there: these classes have no use for them.
"""

import importlib.machinery
import json
import os
import sys
import types
from unittest.mock import MagicMock

# Modules that Weblate imports when it starts, for other things than this.
UNNEEDED = ("aeidon", "arsc_writer", "askalono", "borg", "cysignals", "fedora_messaging") + (
    "tesserocr",
    "twisted",
)
TEXTS = ["Hello", "[X5X] is \\ 100 % <b>new</b>/old?", "First line\nsecond line", "Größe 犬"]


class Stub(types.ModuleType):
    """A module of which anything can be imported."""

    __path__: tuple[str, ...] = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


class Stubs:
    """Finds modules that are not installed, if they are not needed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in UNNEEDED:
            return importlib.machinery.ModuleSpec(name, Stubs, is_package=True)
        return None

    @staticmethod
    def create_module(spec):
        return Stub(spec.name)

    @staticmethod
    def exec_module(module):
        pass


def set_up():
    """Weblate's example settings, without a database, and with a cache in memory."""
    sys.meta_path.append(Stubs)
    from weblate import settings_example

    settings = types.ModuleType("settings_of_a_test")
    settings.__dict__.update(vars(settings_example))
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "avatar": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    settings.SITE_DOMAIN = "weblate.example"
    settings.WEBLATE_ADDONS = []
    settings.LOGGING = {"version": 1}
    sys.modules[settings.__name__] = settings
    os.environ["DJANGO_SETTINGS_MODULE"] = settings.__name__
    import django

    django.setup()


def asked(machinery, source, target):
    """What one of the services found."""
    machinery.validate_settings()
    found = machinery.download_multiple_translations(
        source, target, [(text, None) for text in TEXTS], None, 0
    )
    return {
        "languages": machinery.download_languages(),
        "supported": machinery.is_supported(source, target),
        "translations": {text: [[e["text"], e["quality"]] for e in found[text]] for text in TEXTS},
    }


def main(url, source, target):
    set_up()
    from weblate.machinery.apertium import ApertiumAPYTranslation
    from weblate.machinery.libretranslate import LibreTranslateTranslation, LTEngineTranslation
    from weblate.machinery.tmserver import TMServerTranslation
    from weblate.utils.version import VERSION

    services = {
        "LibreTranslate": LibreTranslateTranslation({"url": url, "key": ""}),
        "LTEngine": LTEngineTranslation({"url": url, "key": ""}),
        "Apertium": ApertiumAPYTranslation({"url": url}),
        "tmserver": TMServerTranslation({"url": f"{url}tm/"}),
    }
    answers = {name: asked(each, source, target) for name, each in services.items()}
    print(json.dumps({"version": VERSION, **answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
