"""The README's table of risks names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in README.splitlines() if re.match(r"\| API[0-9]+ ", line)]


def test_each_of_the_ten_risks_has_its_line():
    assert [row[0].split()[0] for row in ROWS] == [f"API{number}" for number in range(1, 11)]


def test_each_line_says_what_is_done_and_names_tests_that_exist():
    for _risk, measure, tests in ROWS:
        files = re.findall(r"`([^`]+)`", tests)
        assert measure
        assert files
        assert [name for name in files if not (ROOT / name).is_file()] == []
