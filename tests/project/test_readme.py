"""The README's table of settings is the truth."""

import re
from pathlib import Path

from app import config

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def documented():
    """Return the variables of the table under "Settings"."""
    section = (ROOT / "README.md").read_text().split("## Settings", 1)[1].split("\n## ", 1)[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in first_cells for name in re.findall(r"`([A-Z0-9_]+)`", cell)}


def read():
    """Return the variables that the code reads: every text of that form in the one package that may."""
    source = "".join(path.read_text() for path in Path(config.__file__).parent.glob("*.py"))
    return {name for name in re.findall(r'"([A-Z0-9_]+)"', source) if NAME.fullmatch(name)}


def test_every_setting_is_in_the_readme_and_nothing_else():
    assert documented() == read()


def test_no_other_module_reads_the_environment():
    modules = [path for path in (ROOT / "app").rglob("*.py") if path.parent.name != "config"]

    readers = [path.name for path in modules if re.search(r"os\.(environ|getenv)", path.read_text())]

    assert set(readers) <= ELSEWHERE
    assert len(modules) > 50


#: They hand an environment to processes that they start, are read by gunicorn itself, or share a library's variable.
ELSEWHERE = {"local.py", "stack.py", "sandbox.py", "gunicorn.py", "metrics.py"}
