"""One warm child for the tests that do not hurt it."""

import pytest

from app.pdf.inspector import SandboxedPdfInspector
from app.pdf.sandbox import Sandbox


@pytest.fixture(scope="session")
def warm_sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def inspector(warm_sandbox):
    return SandboxedPdfInspector(warm_sandbox)
