"""A real S3 over HTTP, moto's, that fails on demand."""

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Self
from uuid import uuid4

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from app.domain.ports import FileStorage
from app.gateways.storage.factory import open_storage

#: What boto3 finds in the environment; nothing else of this machine.
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
HOST = "127.0.0.1"

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Any], Iterable[bytes]]
#: Answers one request instead of the server it is given, or after it.
Fault = Callable[[Wsgi, Environ, Any], Iterable[bytes]]


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]


class S3Server:
    """A server in threads of this process. The next requests meet `faults`, one each; `calls` are all so far."""

    def __init__(self, *, port: int = 0) -> None:
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._http = make_server(HOST, port, self._answer, threaded=True, request_handler=_Quiet)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})
        self._numbers = count(1)
        self.url = f"http://{HOST}:{self._http.server_port}"
        #: A client of boto3's own, to look with.
        session = boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing")
        self.client = session.client("s3", endpoint_url=self.url)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def new_bucket(self) -> "Bucket":
        """Make an empty bucket; calls and faults of before are forgotten."""
        bucket = Bucket(server=self, name=f"bucket-{next(self._numbers)}-{uuid4().hex[:8]}")
        self.faults.clear()
        self.client.create_bucket(Bucket=bucket.name)
        self.calls.clear()
        return bucket

    def ranges(self) -> list[str]:
        """Return the ranges that were asked for so far."""
        return [call.headers["range"] for call in self.calls if "range" in call.headers]

    def _answer(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key[:5] == "HTTP_"}
        self.calls.append(Call(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers))
        if self.faults:
            return self.faults.pop(0)(self._moto, environ, start_response)
        return self._moto(environ, start_response)


@dataclass(frozen=True)
class Bucket:
    """A bucket of the test's own; we use it below a prefix."""

    server: S3Server
    name: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}/some/prefix"

    def open(self) -> FileStorage:
        """Return our storage in it."""
        return open_storage(self.url, s3_endpoint_url=self.server.url)

    def names(self) -> list[str]:
        """Return the names of all objects."""
        return [each["Key"] for each in self.server.client.list_objects_v2(Bucket=self.name).get("Contents", ())]


def refuse(status: int, code: str) -> Fault:
    """Answer an error of S3's, having done nothing."""

    def fault(_moto: Wsgi, environ: Environ, start_response: Any) -> Iterable[bytes]:
        _take_body(environ)
        start_response(f"{status} {code}", [("Content-Type", "application/xml"), ("Connection", "close")])
        return [
            f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Names secret-bucket</Message></Error>".encode()
        ]

    return fault


def lose_answer(moto: Wsgi, environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Do what is asked, and hang up."""
    for _ in moto(environ, lambda *_: None):
        pass
    return _hang_up(environ, start_response)


def hang(seconds: float) -> Fault:
    """Keep the caller waiting, having done nothing; then hang up."""

    def fault(_moto: Wsgi, environ: Environ, start_response: Any) -> Iterable[bytes]:
        _take_body(environ)
        threading.Event().wait(seconds)
        return _hang_up(environ, start_response)

    return fault


def cut_short(moto: Wsgi, environ: Environ, start_response: Any) -> Iterable[bytes]:
    """Hang up in the middle of the answer."""
    content = b"".join(moto(environ, start_response))
    yield content[: len(content) // 2]
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)


def _hang_up(environ: Environ, start_response: Any) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    start_response("500 Nobody hears this", [("Content-Length", "0")])
    return []


def _take_body(environ: Environ) -> None:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


class _Quiet(WSGIRequestHandler):
    """Writes no log, and is not surprised when the other side has gone."""

    def log(self, *_: object) -> None:
        """Say nothing."""
