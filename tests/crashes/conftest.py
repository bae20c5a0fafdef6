"""Says how large the crash matrix was."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    sizes = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in getattr(report, "user_properties", ())
        if name == "crash_cases" and report.when == "call"
    ]
    if sizes:
        terminalreporter.write_line(
            f"crash matrix: {len(sizes)} operations under a fault, killed at every step: {sum(sizes)} crashes survived"
        )
