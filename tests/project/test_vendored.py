"""What others have published is here byte for byte."""

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|.*\| `(?P<digest>[0-9a-f]{64})` \|$", re.MULTILINE)
FOLDERS = sorted(path.parent for path in ROOT.glob("app/**/vendor/README.md"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.relative_to(ROOT).parts[1])
def test_each_file_has_the_hash_that_is_written_down(folder: Path):
    written = dict(ROW.findall((folder / "README.md").read_text()))
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "README.md"
    }

    assert found == written
