"""A signing service that answers at once, or after a set delay, in a process of its own; it does nothing else.

Its answers are for envelopes with one recipient, `PERSON`.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count

PERSON = {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com"}
KEY = "provider-key-0123456789"
CONTENT_LENGTH = b"content-length:"

#: Bytes; a body of that much is read in one go.
BUFFER = 1024 * 1024


@contextmanager
def running(*, delay: float = 0) -> Iterator[int]:
    """Run it and yield its port; `delay` is seconds."""
    command = (sys.executable, "-m", "tests.benchmarks.provider", str(delay))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # It ends when its standard input does, even if this process is killed.
        yield int(process.stdout.readline())


class Provider:
    """What it knows: how long it takes, where it listens, and how many it has answered."""

    def __init__(self, delay: float) -> None:
        self.port = 0
        self._delay = delay
        self._numbers = count(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(line for line in lines if line.startswith(CONTENT_LENGTH))
                await _skip(reader, int(length.removeprefix(CONTENT_LENGTH)))
                if self._delay:
                    await asyncio.sleep(self._delay)
                body = self._answer(head.split()[1])
                writer.write(
                    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(body), body)
                )

    def _answer(self, path: bytes) -> bytes:
        number = next(self._numbers)
        if path.endswith(b"/documents"):
            answer = {"document_id": f"d{number}", "upload_url": f"http://127.0.0.1:{self.port}/uploads/d{number}"}
        else:
            people = [{"id": f"p{number}", "email": PERSON["email"], "order": 1}]
            answer = {"id": f"e{number}", "status": "sent", "recipients": people}
        return json.dumps(answer).encode()


async def _skip(reader: asyncio.StreamReader, length: int) -> None:
    while length > 0:
        chunk = await reader.read(min(length, BUFFER))
        if not chunk:
            raise ConnectionResetError
        length -= len(chunk)


async def main() -> None:
    """Serve until standard input ends; the first line of standard output is the port."""
    provider = Provider(float(sys.argv[1]))
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, limit=BUFFER, backlog=512)
    provider.port = server.sockets[0].getsockname()[1]
    print(provider.port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
