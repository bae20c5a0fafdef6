"""The worker's loop: whom it waits for, and for how long."""

import logging
import os
import signal
import socket
from concurrent.futures import Future
from queue import SimpleQueue
from selectors import DefaultSelector
from types import SimpleNamespace

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from app.server.worker import LINGER, STOPS, PatientWorker, keep_early_stops

HEAD = b"POST /v1/signatures HTTP/1.1\r\nHost: sign.test\r\nContent-Length: 2\r\n\r\n"


class Threads:
    """Takes what is handed to threads."""

    def __init__(self) -> None:
        self.taken = []

    def submit(self, _handle, conn) -> Future:
        self.taken.append(conn)
        return Future()


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setattr("app.server.worker.time.monotonic", lambda: worker.now)
    monkeypatch.setattr("app.server.worker.SWEEP", 0)
    worker = PatientWorker(1, 0, [], None, 30, Config(), logging.getLogger("test"))
    worker.now = 1000.0
    worker._parked, worker._next_sweep, worker._closes_at = {}, 0.0, float("inf")
    worker.tpool, worker.poller = Threads(), DefaultSelector()
    yield worker
    worker.poller.close()
    worker.tmp.close()


@pytest.fixture
def client(worker):
    ours, theirs = socket.socketpair()
    worker.nr_conns += 1
    conn = TConn(worker.cfg, ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
    with theirs:
        yield theirs, conn
        conn.sock.close()


def look(worker):
    worker.wait_for_and_dispatch_events(0)
    worker.murder_pending()


def stop(worker):
    worker._cap_keepalive(worker.now + LINGER)


def test_a_request_that_begins_to_arrive_at_the_end_of_a_stop_is_still_taken_in(worker, client):
    theirs, conn = client
    stop(worker)
    worker.now += LINGER
    theirs.sendall(HEAD)
    worker.enqueue_req(conn)
    look(worker)

    worker.now += LINGER / 2
    theirs.sendall(b"{}")
    look(worker)

    assert worker.tpool.taken == [conn]


def test_a_stop_does_not_wait_for_a_request_that_keeps_it_waiting(worker, client):
    theirs, conn = client
    theirs.sendall(HEAD)
    worker.enqueue_req(conn)
    stop(worker)

    worker.now += LINGER
    look(worker)

    assert theirs.recv(1024).startswith(b"HTTP/1.1 408 ")
    assert worker.nr_conns == 0


@pytest.fixture
def signals(worker):
    """The handlers of this process, put back."""
    handlers = {each: signal.getsignal(each) for each in worker.SIGNALS}
    wakes = signal.set_wakeup_fd(-1)
    reader, writer = worker.PIPE = os.pipe()
    os.set_blocking(writer, False)
    worker.method_queue.init()
    yield
    signal.set_wakeup_fd(wakes)
    for each, handler in handlers.items():
        signal.signal(each, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    worker.method_queue.close()
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("comes", ["before the fork is known", "before the handlers are there"])
def test_a_stop_that_comes_before_a_worker_can_heed_it_is_heeded(worker, signals, comes):
    master = SimpleNamespace(SIG_QUEUE=SimpleQueue())
    if comes == "before the fork is known":
        master.SIG_QUEUE.put(signal.SIGTERM)
    keep_early_stops(master, worker)
    if comes == "before the handlers are there":
        signal.raise_signal(signal.SIGTERM)

    worker.init_signals()

    assert not worker.alive


def test_what_woke_the_master_does_not_stop_a_worker(worker, signals):
    master = SimpleNamespace(SIG_QUEUE=SimpleQueue())
    for each in (signal.SIGCHLD, signal.SIGHUP, None):
        master.SIG_QUEUE.put(each)

    keep_early_stops(master, worker)
    worker.init_signals()

    assert worker.alive
