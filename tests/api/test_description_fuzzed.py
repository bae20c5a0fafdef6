"""schemathesis asks each operation for what the description allows and for what it does not, and judges the answers.

Every value comes out the same each time. Random values are many in `make check` and a few in `make test`.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.api.conftest import Desk
from tests.builders.pdfs import make_pdf

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
]

#: Their rules are more than a schema can say: across members, about the PDF, about where an address leads.
RULES_BEYOND_SCHEMAS = ["createSignature", "createRender", "putRenderPdf", "createWebhook", "changeWebhook"]

#: What a valid request can meet: no genuine signature (of an event), no such thing, a state that does not allow it,
#: another file, a range beyond it.
NO_REFUSAL_OF_VALUES = ["2xx", "3xx", 401, 404, 409, 412, 416]

schemathesis.openapi.media_type("application/pdf", st.sampled_from([make_pdf(), b"", b"%PDF-1.7 cut off"]))


def configure(desk: Desk, *, examples: int, coverage: bool) -> SchemathesisConfig:
    """Return what is asked and checked; `coverage` adds the edges of every schema to random values."""
    enabled: dict[str, Any] = {name: {"enabled": True} for name in CHECKS}
    enabled["positive_data_acceptance"]["expected-statuses"] = NO_REFUSAL_OF_VALUES
    return SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {desk.api.key}"},
            "checks": {"enabled": False, **enabled},
            "generation": {"deterministic": True, "max-examples": examples, "database": "none"},
            "phases": {"coverage": {"enabled": coverage}, "stateful": {"enabled": False}},
            "operations": [
                {
                    "include-operation-id": RULES_BEYOND_SCHEMAS,
                    "checks": {"positive_data_acceptance": {"enabled": False}},
                }
            ],
        }
    )


def closing(app: Flask) -> Callable[..., list[bytes]]:
    """Return the app with every answer read and closed, as servers do and schemathesis does not."""

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        with contextlib.closing(app(environ, start_response)) as chunks:
            return list(chunks)

    return wsgi


def ask(desk: Desk, *, examples: int, coverage: bool) -> tuple[set[str], list[str]]:
    """Ask every operation; return which were asked, and what is wrong with their answers."""
    app = closing(desk.api.client.application)
    schema = schemathesis.openapi.from_wsgi(
        "/openapi.json", app, config=configure(desk, examples=examples, coverage=coverage)
    )
    asked, wrong = set(), []
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(repr(event.value if isinstance(event, events.NonFatalError) else event.exception))
        elif isinstance(event, events.ScenarioFinished):
            asked.add(event.recorder.label)
            for checks in event.recorder.checks.values():
                failed = [check.failure_info for check in checks if check.failure_info is not None]
                wrong += [f"{each.failure.title}: {each.failure.message} {each.code_sample}" for each in failed]
    return asked, wrong


def test_an_answer_is_no_fault_and_no_surprise(desk):
    asked, wrong = ask(desk, examples=2, coverage=False)

    assert wrong == []
    assert len(asked) > 20, asked


@pytest.mark.crashes
def test_no_answer_is_a_fault_or_a_surprise(desk):
    asked, wrong = ask(desk, examples=50, coverage=True)

    assert wrong == []
    assert len(asked) > 20, asked
