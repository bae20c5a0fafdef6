"""The floor of page pictures: a bare WSGI app that sends one file, read anew each time.

`gunicorn -c tests/benchmarks/bare_gunicorn.py tests.benchmarks.static_file:app`, with STATIC_FILE in the environment.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

FILE = Path(os.environ["STATIC_FILE"])


def app(_environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Send the file."""
    content = FILE.read_bytes()
    start_response("200 OK", [("Content-Type", "image/png"), ("Content-Length", str(len(content)))])
    return [content]
