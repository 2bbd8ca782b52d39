"""setup.cfg describes the package; here the recipes of data/ are copied into a wheel."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRecipes(build_py):
    """Builds nmt/recipe/builtin, where nmt/recipe/library.py finds them."""

    def run(self):
        super().run()
        # A checkout that is installed as it is has data/ itself.
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "nmt", "recipe", "builtin")
        self.mkpath(str(folder))
        for path in sorted(Path("data").glob("*.toml")):
            self.copy_file(str(path), str(folder / path.name))


setup(cmdclass={"build_py": BuildWithRecipes})
