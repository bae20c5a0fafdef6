"""Lets processes find the packages that a deployment has, and none that only the tests need."""

import re
from importlib.metadata import packages_distributions
from pathlib import Path

from app.schema import MIGRATIONS

LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)

#: What Python's own start imports, and this repository.
ALWAYS_THERE = {"countersign", "pip", "setuptools"}

ABSENT = 'raise ModuleNotFoundError("only the tests have this package", name=__name__)\n'


def hide_what_only_tests_need(folder: Path) -> dict[str, str]:
    """Return the environment in which packages are absent that `make install` does not install.

    Some libraries load others when they are there, such as structlog rich for its coloured tracebacks.
    """
    lock = (MIGRATIONS.parent / "requirements.lock").read_text()
    deployed = {_canonical(name) for name in LOCKED.findall(lock)} | ALWAYS_THERE
    for module, distributions in packages_distributions().items():
        if module.isidentifier() and not deployed.intersection(map(_canonical, distributions)):
            (folder / f"{module}.py").write_text(ABSENT)
    return {"PYTHONPATH": str(folder)}


def _canonical(name: str) -> str:
    """Return a distribution's name in the one form that PyPI compares (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
