"""What a command of ours said."""


def lines(result):
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def fails(result):
    """Check that a command failed with one line on standard error; return it."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line
