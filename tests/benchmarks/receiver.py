"""A receiver of webhooks in a process of its own, so that it takes no time from what is measured.

It answers everything at once with the time on its clock, except that on `/hangs` it never answers.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from app.domain import clock

HANGS = "/hangs"
CONTENT_LENGTH = b"content-length:"


@contextmanager
def running() -> Iterator[str]:
    """Run a receiver and yield its address."""
    command = (sys.executable, "-m", "tests.benchmarks.receiver")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # It ends when its standard input does, even if this process is killed.
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


async def main() -> None:
    """Receive until standard input ends; the first line of standard output is the port."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            arrived = clock.monotonic()
            length = next(line for line in head.split(b"\r\n") if line.startswith(CONTENT_LENGTH))
            await reader.readexactly(int(length.removeprefix(CONTENT_LENGTH)))
            if head.split()[1] == HANGS.encode():
                await reader.read()
                return
            body = f"{arrived:.6f}"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            if b"connection: close" in head:
                return


if __name__ == "__main__":
    asyncio.run(main())
