"""Documents made by chance: damaged ones must be refused without a bug, odd boxes be read as PDFium reads them."""

import random
import re

import pytest

from app.pdf.sandbox import Sandbox
from tests.builders import pdfs
from tests.pdf.test_inspect import ACCEPTED, REFUSED

TOKENS = re.compile(rb"\[[^\]]*\]|/?[^\s\[\]<>/()]+")
SUBSTITUTES = (
    b"null|true|-1|0|1e99|99999999999999999999|[|]|<<|>>|/X|/\xff|(a)|1 0 R|3 0 R|4 0 R|9 0 R|[1 2 3]|<</A 1>>"
)


def mutated(content, chance):
    """Replace some words of the file by others, or some bytes, or drop some."""
    for _ in range(chance.choice((1, 1, 2, 5))):
        words = list(TOKENS.finditer(content))
        kind = chance.random()
        if kind < 0.7:
            word = chance.choice(words)
            substitute = chance.choice([*SUBSTITUTES.split(b"|"), chance.choice(words).group()])
            content = content[: word.start()] + substitute + content[word.end() :]
        else:
            start = chance.randrange(len(content))
            rest = content[start + chance.randrange(1, 20) :]
            content = content[:start] + (chance.randbytes(1) if kind < 0.85 else b"") + rest
    return content


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_document_is_fine_or_refused_and_never_a_bug(seed):
    chance = random.Random(seed)
    corpus = [pdfs.make_pdf(pages=2, rotate=90, inherit=True, crop=(0, 0, 9, 9))]
    corpus += [content for content in ACCEPTED.values() if len(content) < 5000]
    corpus += [content for content, _ in REFUSED.values() if 100 < len(content) < 5000]
    contents = [mutated(chance.choice(corpus), chance) for _ in range(200)]
    with Sandbox() as sandbox:
        outcomes = sandbox.call("tests.pdf.outcomes:outcomes", contents=contents)
    assert set(outcomes) == {"fine", "refused"}


def test_boxes_of_any_kind_give_the_size_that_pdfium_gives():
    chance = random.Random(0)
    numbers = [0, -100, 50, 50.5, 300, 612, 5000]
    contents = [
        pdfs.make_pdf(
            media=tuple(chance.choices(numbers, k=4)),
            crop=chance.choice([None, tuple(chance.choices(numbers, k=4))]),
            rotate=chance.choice([0, 90, 180, 270, -90, -270, 450, 45, -45, 135]),
            inherit=chance.choice([True, False]),
        )
        for _ in range(300)
    ]
    with Sandbox() as sandbox:
        sizes = sandbox.call("tests.pdf.outcomes:sizes", contents=contents)
    assert [ours for ours, _ in sizes] == [pytest.approx(theirs, abs=0.01) for _, theirs in sizes]
