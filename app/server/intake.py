"""Whether all of a request is here, without judging it."""

import re

#: So much of a request is taken in before it gets a thread: all that a caller without a key may send, and its headers.
LARGEST_INTAKE = (256 + 64) * 1024

HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}")
LONGEST_CHUNK_LINE = 8190


class Intake:
    """What has arrived of a request, and whether that is all of it.

    It only measures. gunicorn's parser is the judge of the same bytes afterwards: what is no HTTP counts as whole, so
    that it is refused at once.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.is_awaited = False  # The client waits to be told to go on (RFC 9110 section 10.1.1).
        self._searched = 0
        self._end: int | None = None
        self._next_chunk: int | None = None

    def is_whole(self) -> bool:
        """Tell whether a thread has nothing to wait for, or so much that it should begin."""
        if self._end is None and self._next_chunk is None:
            self._read_head()
        if self._next_chunk is not None:
            self._follow_chunks(self._next_chunk)
        return len(self.content) >= (LARGEST_INTAKE if self._end is None else self._end)

    def _read_head(self) -> None:
        head_end = self.content.find(HEAD_END, self._searched)
        self._searched = max(0, len(self.content) - len(HEAD_END) + 1)
        if head_end < 0:
            return
        head, body = self.content[: head_end + 2], head_end + len(HEAD_END)
        length = CONTENT_LENGTH.search(head)
        if CHUNKED.search(head):
            self._next_chunk = body
        else:
            end = body + int(length[1] if length else 0)
            self._end = end if end <= LARGEST_INTAKE else body
        self.is_awaited = EXPECT.search(head) is not None

    def _follow_chunks(self, start: int) -> None:
        """Go from chunk to chunk, as far as they have arrived (RFC 9112 section 7.1)."""
        while (line_end := self.content.find(b"\r\n", start)) >= 0:
            size = CHUNK_SIZE.match(self.content, start, line_end)
            if size is None:
                self._end = 0
                return
            if int(size[0], 16) == 0:
                # An empty line ends the trailers, or stands here at once.
                trailers_end = self.content.find(HEAD_END, line_end)
                self._end = trailers_end + len(HEAD_END) if trailers_end >= 0 else None
                break
            start = line_end + 2 + int(size[0], 16) + 2
        else:
            if len(self.content) - start > LONGEST_CHUNK_LINE:
                self._end = 0
        self._next_chunk = start
