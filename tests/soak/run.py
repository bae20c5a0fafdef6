"""A soak from beginning to end: load and trouble, then calm, then what must hold."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import requests
from flask import Flask

from app.api.deps import EXTENSION
from app.config import Settings
from app.domain import clock
from app.domain.events import Event
from app.extensions import db
from app.factory import create_app
from app.services import api_keys, projects, webhooks
from tests import databases
from tests.builders.pdfs import make_pdf
from tests.fakes.provider_control import ProviderControl
from tests.soak.actors import acting
from tests.soak.clients import Client
from tests.soak.evidence import Evidence
from tests.soak.invariants import Kind, Violation, violations
from tests.soak.lapse import drain
from tests.soak.ledger import Ledger
from tests.soak.plan import Places, Plan, environment_of, make_trouble, soak_settings
from tests.soak.receiver import Receiver
from tests.soak.stack import HOST, Stack, free_ports
from tests.soak.trouble import Killer, Recipients

RENDERS = 5

#: The longest that anything waits by itself: the lease of a dead worker's download, and some retries.
LONGEST_LAPSE = timedelta(minutes=40)
SECONDS_FOR_LATE_THINGS = 40


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What came of a soak."""

    plan: Plan
    requests: int
    envelopes: int
    deliveries: int
    violations: list[Violation]
    counts: Counter[str]
    lapse: timedelta

    @property
    def line(self) -> str:
        kinds = Counter(violation.kind for violation in self.violations)
        others = f", other violations {kinds[Kind.OTHER]}" if kinds[Kind.OTHER] else ""
        return (
            f"soak: {self.plan.seconds / 60:.1f} min, seed {self.plan.seed}, {self.plan.kind}:"
            f" requests {self.requests}, envelopes {self.envelopes}, duplicates {kinds[Kind.DUPLICATE]},"
            f" lost {kinds[Kind.LOST]}, in doubt {kinds[Kind.IN_DOUBT]}, deliveries {self.deliveries}{others}"
        )


def soak(plan: Plan) -> Totals:
    """Run a soak; nothing of it is left running, only its logs and, with SQLite, its database."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    with _fresh_places(plan) as places:
        provider_port, *api_ports = free_ports(1 + plan.hosts)
        provider_origin, *api_origins = (f"http://{HOST}:{port}" for port in (provider_port, *api_ports))
        settings = soak_settings(
            places, api_origin=api_origins[0], provider_url=f"{provider_origin}/signing-request-api"
        )
        stack = Stack(
            environment=environment_of(settings),
            api_ports=api_ports,
            provider_port=provider_port,
            seed=plan.seed,
            folder=plan.folder,
        )
        with (
            # What this process does itself is looked at, not logged.
            _app(replace(settings, log_level="error")) as app,
            stack.running(),
            closing(ProviderControl(provider_origin)) as provider,
            Receiver(seed=plan.seed) as receiver,
        ):
            return _Soak(plan, app, stack, provider, receiver, api_origins).run()


class _Soak:
    def __init__(
        self,
        plan: Plan,
        app: Flask,
        stack: Stack,
        provider: ProviderControl,
        receiver: Receiver,
        api_origins: Sequence[str],
    ) -> None:
        self._plan = plan
        self._app = app
        self._deps = app.extensions[EXTENSION]
        self._stack = stack
        self._provider = provider
        self._receiver = receiver
        self._api_origins = api_origins
        # A file never changes, so each is read once, however often it is looked whether everything holds.
        self._storage = SimpleNamespace(read=cache(self._deps.storage.read))
        self._ledger = Ledger()
        self._clients = self._make_clients()
        self._recipients = Recipients(provider.origin, ledger=self._ledger, seed=plan.seed)

    def run(self) -> Totals:
        with acting(self._recipients, *self._clients):
            self._load()
            _report("Load and faults are over; clients retry what they have no answer to.")
            self._settle()
        self._stack.stop_workers()
        _report("Clients are done; the worker goes on until both sides agree.")
        lapse = self._drain()
        evidence = self._gather()
        return Totals(
            plan=self._plan,
            requests=len(evidence.requests),
            envelopes=len(evidence.envelopes),
            deliveries=sum(len(each) for each in evidence.deliveries.values()),
            violations=violations(evidence),
            counts=self._ledger.counts,
            lapse=lapse,
        )

    def _make_clients(self) -> list[Client]:
        with self._app.app_context():
            project_id = projects.create("Soak").id
            key = api_keys.create(project_id).clear_text
            subscription = webhooks.create(
                project_id=project_id, url=self._receiver.url, events=list(Event), deps=self._deps
            )
        self._receiver.secret = subscription.secret
        renders = [self._upload(key, number) for number in range(RENDERS)]
        clients = [
            Client(
                number,
                origin=self._api_origins[number % len(self._api_origins)],
                api_key=key,
                renders=renders,
                ledger=self._ledger,
                seed=self._plan.seed,
            )
            for number in range(1, self._plan.clients + 1)
        ]
        for client in clients:
            client.others = [other for other in clients if other is not client]
        return clients

    def _upload(self, key: str, number: int) -> str:
        answer = requests.post(
            f"{self._api_origins[0]}/v1/renders",
            data=make_pdf(text=f"Contract {number}"),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/pdf"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["id"]

    def _load(self) -> None:
        """Add faults and kills to what clients and recipients do, for as long as planned."""
        make_trouble(self._provider, events_url=f"{self._api_origins[-1]}/hooks/signing-provider")
        with acting(Killer(self._stack, ledger=self._ledger, seed=self._plan.seed)):
            clock.sleep(self._plan.seconds)
        for client in self._clients:
            client.no_more.set()
        self._stack.revive()
        self._provider.clear_faults()
        self._receiver.is_well = True

    def _settle(self) -> None:
        """Let the clients retry, the recipients decide and the workers catch up, in true time."""
        deadline = clock.monotonic() + self._plan.settle_seconds
        while self._ledger.unsettled() and clock.monotonic() < deadline:
            clock.sleep(0.5)
            self._stack.revive()

    def _drain(self) -> timedelta:
        """Wait for what is late at the provider; then let time pass until everything holds, or too much has.

        As it passes, clients ask again for what they have no answer to.
        """
        deadline = clock.monotonic() + SECONDS_FOR_LATE_THINGS
        while self._provider.pending() and clock.monotonic() < deadline:
            clock.sleep(0.1)
        self._provider.send_no_events()
        return drain(self._app, self._deps, is_done=self._everything_holds, longest=LONGEST_LAPSE)

    def _everything_holds(self) -> bool:
        for order in self._ledger.unsettled():
            self._clients[0].ask(order)
        # What clients have seen going wrong, no time mends.
        return {each.sentence for each in violations(self._gather())} <= set(self._ledger.violations)

    def _gather(self) -> Evidence:
        return Evidence.gather(
            self._app, provider=self._provider, ledger=self._ledger, receiver=self._receiver, storage=self._storage
        )


def _report(sentence: str) -> None:
    print(sentence, flush=True)


@contextmanager
def _app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()


@contextmanager
def _fresh_places(plan: Plan) -> Iterator[Places]:
    with _fresh_database(plan) as database_url:
        if not plan.in_s3:
            yield Places(database_url=database_url, storage_url=f"file:{plan.folder / 'storage'}")
            return
        from tests.fakes.s3_server import ENVIRONMENT, S3Server

        os.environ.update(ENVIRONMENT)  # For the processes, and for this one, which looks at what they have stored.
        with S3Server() as server:
            yield Places(database_url=database_url, storage_url=server.new_bucket().url, s3_endpoint_url=server.url)


@contextmanager
def _fresh_database(plan: Plan) -> Iterator[str]:
    template = (
        databases.PostgresTemplate(plan.database, databases.migrate)
        if plan.database
        else databases.SqliteTemplate(plan.folder, databases.migrate)
    )
    try:
        with template.copy(plan.folder) as url:
            yield url
    finally:
        template.drop()


def default_folder(seed: int) -> Path:
    """Return where the logs of a soak go."""
    return Path("var/soak") / f"{clock.utcnow():%Y%m%d-%H%M%S}-seed-{seed}"
