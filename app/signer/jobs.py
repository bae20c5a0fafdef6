"""The service's background work, in threads of its own beside the web server."""

import threading
from collections.abc import Callable, Mapping

import structlog

log = structlog.get_logger(__name__)

#: How soon work that another process has queued is noticed; our own is at once.
POLL_SECONDS = 1.0

#: Does what is due and returns how much that was.
Run = Callable[[], int]


class Bell:
    """Wakes every thread that waits for work."""

    def __init__(self) -> None:
        self._listeners: list[threading.Event] = []

    def listener(self) -> threading.Event:
        """Return an event that every ring sets."""
        event = threading.Event()
        self._listeners.append(event)
        return event

    def ring(self) -> None:
        """Say that there is work."""
        for event in self._listeners:
            event.set()


class Jobs:
    """One thread for each kind of work, so that a slow mail server holds up no seal and no event."""

    def __init__(self, runs: Mapping[str, Run], *, bell: Bell) -> None:
        self._runs = runs
        self._bell = bell
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads; they end with the process, and the leases see to what was under way."""
        for name, run in self._runs.items():
            arguments = (name, run, self._bell.listener())
            thread = threading.Thread(target=self._loop, args=arguments, name=f"signer-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    @property
    def are_running(self) -> bool:
        """Whether this process does its part of the work."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Let each thread finish what it is doing, and end it."""
        self._stopping.set()
        self._bell.ring()
        for thread in self._threads:
            thread.join()

    def run_pending(self) -> int:
        """Do everything that is due, here and now, until nothing is; return how much that was."""
        total = 0
        while done := sum(run() for run in self._runs.values()):
            total += done
        return total

    def _loop(self, name: str, run: Run, waker: threading.Event) -> None:
        while not self._stopping.is_set():
            waker.clear()
            if self._run_once(name, run):
                # One kind of work makes another: a sealed document has to be mailed and told.
                self._bell.ring()
            else:
                waker.wait(POLL_SECONDS)

    @staticmethod
    def _run_once(name: str, run: Run) -> int:
        try:
            return run()
        except Exception:  # A full disk or a database that restarts must not end the thread for good.
            log.exception("signer.jobs.failed", job=name)
            return 0
