"""Damaged documents of every kind: the code that reads them must refuse them, not fail."""

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
