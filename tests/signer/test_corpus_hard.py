"""Documents that are refused by name, damaged, or large: no 500, no process lost, no memory either."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.builders import pdfs
from tests.builders.oddities import anchored, large_pdf, oddities
from tests.signer.corpus import PLACE, create, go_through, sealed_document
from tests.signer.service import make_field

slow = pytest.mark.crashes

ODDITIES, ANCHORED = oddities(), anchored()

# --- Refused ----------------------------------------------------------------------------------------------------------

REFUSED = {
    "encrypted": (pdfs.encrypted_pdf, "encrypted"),
    "encrypted without a password": (lambda: pdfs.encrypted_pdf(user=""), "encrypted"),
    "signed already": (lambda: pdfs.signature_field_pdf(signed=True), "already digitally signed"),
    "certified": (pdfs.certified_pdf, "already digitally signed"),
    "XFA": (pdfs.xfa_pdf, "XFA"),
    "script at opening": (lambda: pdfs.catalog_pdf(OpenAction=pdfs.script()), "JavaScript"),
    "program": (lambda: pdfs.annotated_pdf(A=pdfs.launch()), "launches a program"),
    "no page": (pdfs.pageless_pdf, "no page"),
    "501 pages": (lambda: pdfs.make_pdf(pages=501), "501 pages"),
    "truncated": (pdfs.truncated_pdf, "damaged"),
    "page tree in itself": (pdfs.looping_page_tree_pdf, "damaged"),
    "nested arrays": (pdfs.nested_arrays_pdf, "damaged"),
    "a gigabyte in a kilobyte": (pdfs.zip_bomb_pdf, "unpacked"),
    "no PDF": (lambda: b"GIF89a", "not a PDF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_signed_faithfully_is_refused_at_create_with_its_reason(service, name):
    build, reason = REFUSED[name]
    answer = create(service, build())
    assert answer.status_code == 400, answer.json
    assert answer.json["error"].startswith("document: ")
    assert reason in answer.json["error"]
    assert service.mails() == []


@slow
def test_the_service_goes_on_after_all_that_broke(service):
    for build, _ in REFUSED.values():
        assert create(service, build()).status_code == 400
    go_through(service, pdfs.make_pdf(), fields=[make_field(position=PLACE)])


# --- Damaged ----------------------------------------------------------------------------------------------------------

#: What changed bytes are taken from: the letters that a PDF's structure is written in.
LETTERS = b"/[]()<>0123456789 -.\n\r%RQqfnxobjendstrea"


def damaged(content, random):
    """Change, remove and insert a few bytes anywhere."""
    damaged = bytearray(content)
    for _ in range(random.choice([1, 2, 5, 20])):
        at = random.randrange(len(damaged))
        match random.randrange(4):
            case 0:
                damaged[at] = random.randrange(256)
            case 1:
                damaged[at] = random.choice(LETTERS)
            case 2:
                del damaged[at : at + random.randrange(1, 20)]
            case _:
                damaged[at:at] = bytes(random.choices(LETTERS, k=random.randrange(1, 9)))
    return bytes(damaged)


@slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_taken_in_damaged_is_sealed_in_the_end(service, seed):
    random = Random(seed)
    builders = [build for name, build in (ODDITIES | ANCHORED).items() if name not in {"20 MiB", "500 pages"}]
    outcomes = Counter()
    for build in random.sample(builders, 20):
        answer = create(service, damaged(build(), random))
        outcomes[answer.status_code] += 1
        if answer.status_code == 201:
            service.work()
            service.sign()
            sealed_document(service, answer.json["id"])
        else:
            assert answer.json["error"].startswith("document: ")
    assert set(outcomes) <= {201, 400}
    assert outcomes[201] >= 3


# --- Memory -----------------------------------------------------------------------------------------------------------

MIB = 1024


def resident_kib(status="/proc/self/status"):
    return next(int(line.split()[1]) for line in Path(status).read_text().splitlines() if line.startswith("VmRSS"))


@slow
def test_large_documents_do_not_pile_up_in_memory(service, sandbox):
    content = large_pdf()
    sizes = []
    for _ in range(3):
        go_through(service, content, fields=[make_field(position=PLACE)])
        sizes.append((resident_kib(), resident_kib(f"/proc/{sandbox._child._process.pid}/status")))
    (first, _), (last, _) = sizes[0], sizes[-1]
    assert last - first < 64 * MIB
    # A child is replaced after some jobs, perhaps in between, so two of its sizes say nothing of each other.
    assert max(child for _, child in sizes) < 700 * MIB
