"""Threads that do something for as long as a soak has load."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from tests.soak.ledger import Ledger


class Actor(threading.Thread, ABC):
    """A thread whose `act` goes on until `ended` is set; if it fails, the soak has proven less and says so."""

    def __init__(self, name: str, *, ledger: Ledger) -> None:
        super().__init__(name=name, daemon=True)
        self.ledger = ledger
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self.act()
        except Exception as error:  # noqa: BLE001 (it is not swallowed: it fails the soak)
            self.ledger.violated(f"{self.name} failed: {error!r}")

    @abstractmethod
    def act(self) -> None:
        """Do it."""


@contextmanager
def acting(*actors: Actor) -> Iterator[None]:
    """Let them act; whatever happens, all have ended afterwards."""
    for actor in actors:
        actor.start()
    try:
        yield
    finally:
        for actor in actors:
            actor.ended.set()
        for actor in actors:
            actor.join()
