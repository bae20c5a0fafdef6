"""Words that are given on the command line, such as a name."""

import click


class Line(click.ParamType[str]):
    """One line of text that people can read, perhaps of limited length."""

    name = "text"

    def __init__(self, *, longest: int | None = None) -> None:
        self.longest = longest

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text; fail with what is wrong with it."""
        # What is no UTF-8 comes as surrogates, which no database takes.
        if not value.isprintable():
            self.fail("it must be one line of printable text.", param, ctx)
        if self.longest is not None and len(value) > self.longest:
            self.fail(f"it has more than {self.longest} characters.", param, ctx)
        return value
