"""When a request is whole, whatever pieces it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.intake import LARGEST_INTAKE, Intake

HEAD = b"POST /v1/renders HTTP/1.1\r\nHost: sign.test\r\n"

WHOLE = {
    "no body": HEAD + b"\r\n",
    "empty body": HEAD + b"Content-Length: 0\r\n\r\n",
    "body": HEAD + b"Content-Length: 11\r\n\r\n0123\r\n\r\n456",
    "body, spelt oddly": HEAD + b"cOnTeNt-LeNgTh:11 \r\n\r\n0123456789a",
    "length as the first header": b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n1\r\n5\r\n0\r\n\r\n",
    "no chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that look like their end": HEAD + b"transfer-encoding: Chunked\r\n\r\n9\r\n0\r\n\r\n0\r\n\r\r\n0\r\n\r\n",
    "chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\nA;name=value\r\n0123456789\r\n0;last\r\n\r\n",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n",
}


def whole_after(request, sizes):
    """Feed a request in pieces; return after how many bytes it was whole."""
    intake, fed = Intake(), 0
    while not intake.is_whole() and fed < len(request):
        size = next(sizes, len(request))
        intake.content += request[fed : fed + size]
        fed += len(request[fed : fed + size])
    assert intake.is_whole()
    return fed


@pytest.mark.parametrize("kind", WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(kind):
    assert whole_after(WHOLE[kind], iter([1] * len(WHOLE[kind]))) == len(WHOLE[kind])


@given(kind=st.sampled_from(sorted(WHOLE)), sizes=st.lists(st.integers(1, 20)))
def test_the_pieces_do_not_matter(kind, sizes):
    assert whole_after(WHOLE[kind], iter(sizes)) == len(WHOLE[kind])


@given(kind=st.sampled_from(sorted(WHOLE)), further=st.binary(max_size=50))
def test_what_follows_belongs_to_the_next_request(kind, further):
    assert Intake(WHOLE[kind] + further).is_whole()


@given(
    start=st.sampled_from([b"", HEAD, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]), rubbish=st.binary(max_size=300)
)
def test_rubbish_never_hangs_it(start, rubbish):
    intake = Intake(start)
    for byte in rubbish:
        intake.is_whole()
        intake.content.append(byte)

    assert isinstance(intake.is_whole(), bool)


@pytest.mark.parametrize("size", [b"x", b"-5", b"", b" 5"])
def test_what_is_no_chunk_is_left_to_the_parser_at_once(size):
    rubbish = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"

    assert Intake(rubbish).is_whole()


def test_a_chunk_line_without_end_is_left_to_the_parser():
    assert Intake(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 9000).is_whole()


def test_a_body_that_is_too_long_to_be_taken_in_gets_its_thread_at_once():
    head = HEAD + b"Content-Length: %d\r\n\r\n"

    assert Intake(head % LARGEST_INTAKE).is_whole()
    assert not Intake(head % (256 * 1024)).is_whole()


@pytest.mark.parametrize("endless", [b"GET /" + b"a" * LARGEST_INTAKE, HEAD + b"X: y\r\n" * 60_000])
def test_a_head_without_end_is_left_to_the_parser(endless):
    assert Intake(endless).is_whole()


def test_who_waits_to_be_told_to_go_on_is_noticed():
    waiting = Intake(HEAD + b"Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n")

    assert not waiting.is_whole()
    assert waiting.is_awaited
