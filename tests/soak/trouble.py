"""What happens to the processes and the envelopes of a soak: kills, and the recipients' decisions."""

import os
import signal
from contextlib import suppress
from random import Random

import requests

from app.domain import clock
from tests.fakes.provider_control import ProviderControl
from tests.soak.actors import Actor
from tests.soak.ledger import Ledger
from tests.soak.stack import Stack

#: Seconds between kills, and between looks whether something has to be started again.
KILLS_EVERY = (2.0, 5.0)
LOOKS_EVERY = 0.2

#: What recipients do with an envelope, and how soon.
DECISIONS = (("sign", 0.78), ("decline", 0.12), ("expire", 0.05), ("ignore", 0.05))
SECONDS_TO_DECIDE = (0.0, 5.0)
VIEWED_FIRST = 0.5


class Killer(Actor):
    """Kills one process at a time with SIGKILL, and starts again what does not start by itself."""

    def __init__(self, stack: Stack, *, ledger: Ledger, seed: int) -> None:
        super().__init__("killer", ledger=ledger)
        self._stack = stack
        self._random = Random(f"{seed}-{self.name}")

    def act(self) -> None:
        next_kill = clock.monotonic() + self._random.uniform(*KILLS_EVERY)
        while not self.ended.wait(LOOKS_EVERY):
            if clock.monotonic() >= next_kill:
                self._kill_one()
                next_kill = clock.monotonic() + self._random.uniform(*KILLS_EVERY)
            for name in self._stack.revive():
                self.ledger.count(f"restarted {name}")

    def _kill_one(self) -> None:
        victim = self._random.choices(("api worker", "api master", "whole api", "worker"), (45, 8, 7, 40))[0]
        self.ledger.count(f"killed {victim}")
        api = self._random.choice(self._stack.apis)
        match victim:
            case "api worker":
                children = api.children()
                if children:
                    with suppress(ProcessLookupError):
                        os.kill(self._random.choice(children), signal.SIGKILL)
            case "api master":
                api.kill()
            case "whole api":
                api.kill_group()
            case "worker":
                self._random.choice(self._stack.workers).kill()


class Recipients(Actor):
    """The people who were mailed: most sign, some decline, some let the time pass, a few do nothing."""

    def __init__(self, provider_origin: str, *, ledger: Ledger, seed: int) -> None:
        super().__init__("recipients", ledger=ledger)
        self._provider = ProviderControl(provider_origin)
        self._random = Random(f"{seed}-{self.name}")
        #: When each envelope's recipients act, and how.
        self._decisions: dict[str, tuple[float, str]] = {}

    def act(self) -> None:
        while not self.ended.wait(LOOKS_EVERY):
            for envelope in self._provider.open_envelopes():
                # Whoever signs an envelope that came too late is faster than the worker that cancels it: that is the
                # one double that no sender can prevent, so nobody does it here.
                if envelope["call"] != "late":
                    self._attend(envelope["id"])
        self._provider.close()

    def _attend(self, envelope_id: str) -> None:
        if envelope_id not in self._decisions:
            what = self._random.choices(*zip(*DECISIONS, strict=True))[0]
            self._decisions[envelope_id] = (clock.monotonic() + self._random.uniform(*SECONDS_TO_DECIDE), what)
        due, what = self._decisions[envelope_id]
        if what == "ignore" or clock.monotonic() < due:
            return
        try:
            if what == "sign" and self._random.random() < VIEWED_FIRST:
                self._provider.view(envelope_id)
            getattr(self._provider, what)(envelope_id)
        except requests.HTTPError:
            # Cancelled meanwhile.
            what = "too late to act"
        self.ledger.count(f"recipient: {what}")
