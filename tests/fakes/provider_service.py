"""The routes of the fake signing service, and what a fault makes of each call; no sockets here."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.builders.pdfs import make_pdf
from tests.fakes import provider_answers as answers
from tests.fakes.provider_control import act, set_faults
from tests.fakes.provider_events import Delivery, EventSender
from tests.fakes.provider_faults import Fault, Faults, Kind
from tests.fakes.provider_replies import Reply, Request, not_found, refused
from tests.fakes.provider_state import DRAFT, FINISHED, OPEN, ProviderState, Refusal

API = "signing-request-api"

#: The faults that leave a call undone, at least for now.
NOT_DONE = frozenset({Kind.DROP_BEFORE, Kind.ERROR_BEFORE, Kind.REFUSE, Kind.LATE})


Action = Callable[[Fault | None], Reply]


class ProviderService:
    """Answers a request with a Reply, or with None: then the connection is to be closed without a word."""

    def __init__(self, *, origin: str, api_key: str, seed: int, files_after: float) -> None:
        self.origin = origin
        self._api_key = api_key
        self._faults = Faults(seed)
        self.events = EventSender(seed)
        self._state = ProviderState(seed=seed, tell=self.events.tell, files_after=files_after)
        self._timers: set[threading.Timer] = set()
        self._timers_lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._files = {
            "document.pdf": make_pdf(text="Signed", pages=2),
            "certificate.pdf": make_pdf(text="Certificate of completion"),
        }
        #: Set when the service stops, so that nothing hangs for ever.
        self.stopping = threading.Event()

    def start(self) -> None:
        self.events.start()

    def stop(self) -> None:
        self.stopping.set()
        with self._timers_lock:
            for timer in self._timers:
                timer.cancel()
        self.events.stop()

    def answer(self, request: Request) -> Reply | None:
        try:
            match request.path:
                case ("control", *parts):
                    return self._control(request, tuple(parts))
                case ("files", envelope_id, file):
                    return self._perform("file", lambda _: self._file(envelope_id, file))
                case ("uploads", document_id):
                    return self._perform("upload", lambda _: self._upload(document_id, request.body))
                case (name, *parts) if name == API:
                    return self._call(request, tuple(parts))
        except Refusal as refusal:
            return Reply.of(refusal.body, refusal.status)
        return not_found()

    def _call(self, request: Request, path: tuple[str, ...]) -> Reply | None:  # noqa: PLR0911 (one return per route)
        state = self._state
        self._require_key(request)
        match request.method, path:
            case "POST", ("signing-requests", "create-and-send"):
                return self._create(request.json())
            case "GET", ("signing-requests",):
                return self._perform("list", lambda _: self._list(request.query))
            case "GET", ("signing-requests", id_):
                return self._perform("read", lambda _: Reply.of(self._detail(id_)))
            case "DELETE", ("signing-requests", id_):
                return self._perform("delete", lambda _: Reply.of({"signing_request_id": state.delete(id_).id}))
            case "GET", ("signing-requests", id_, "users"):
                return self._perform("users", lambda _: Reply.of(answers.people(state.get(id_))))
            case "POST", ("signing-requests", id_, "cancel"):
                return self._perform("cancel", lambda _: self._cancel(id_, request.json()))
            case "GET", ("signing-requests", id_, "download"):
                return self._perform("download", lambda _: self._download(id_))
            case "POST", ("documents",):
                return self._perform("announce", lambda _: self._announce())
            case "GET", ("company",):
                return self._perform("company", lambda _: Reply.of({"credits": state.credits}))
        return not_found()

    def _require_key(self, request: Request) -> None:
        if request.headers.get("Authorization") not in (self._api_key, f"Bearer {self._api_key}"):
            raise Refusal(401, "Unauthorized", code="UNAUTHORIZED")

    def _perform(self, operation: str, action: Action) -> Reply | None:
        self._calls[operation] += 1
        return self._fail(self._faults.take(operation), action)

    def _fail(self, fault: Fault | None, action: Action) -> Reply | None:
        """Do a call the way its fault wants it."""
        do = _refusing(action)
        if fault is None:
            return do(None)
        if fault.kind in NOT_DONE:
            return self._do_nothing(fault, do)
        reply = do(fault)
        return self._spoil(fault, reply) if reply.status < 400 else reply

    def _do_nothing(self, fault: Fault, do: Action) -> Reply | None:
        """Leave a call undone, at least for now."""
        match fault.kind:
            case Kind.LATE:
                self._later(fault.seconds or 0, lambda: do(fault))
            case Kind.ERROR_BEFORE:
                return Reply.of({"error": "Internal Server Error"}, 500)
            case Kind.REFUSE:
                return refused(fault.status)
        return None

    def _spoil(self, fault: Fault, reply: Reply) -> Reply | None:
        """Spoil the answer to a call that was done."""
        match fault.kind:
            case Kind.ERROR_AFTER | Kind.DRAFT_LEFT:
                return Reply.of({"error": "Internal Server Error"}, 500)
            case Kind.HANG:
                self.stopping.wait(fault.seconds)
                return reply
            case Kind.CONFLICT_WITH_ID:
                body = {"error": "Sending had begun.", "code": "SEND_EFFECTS_STARTED"}
                return Reply.of({**body, "signing_request_id": json.loads(reply.body)["id"]}, 409)
            case Kind.RUBBISH if fault.variant == "no_id":
                return Reply.of({"status": "sent"}, reply.status)
            case Kind.RUBBISH:
                return Reply(status=reply.status, body=b"<html>upstream</html>", content_type="text/html")
            case Kind.LIST_LAGS:
                self._later(fault.seconds or 0, lambda: None)
        return None

    def _later(self, seconds: float, do: Callable[[], object]) -> None:
        def run() -> None:
            do()
            with self._timers_lock:
                self._timers.discard(timer)

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        with self._timers_lock:
            self._timers.add(timer)
        timer.start()

    def _create(self, body: Any) -> Reply | None:
        fault = self._faults.take("create")
        with self._state.lock:
            self._state.create_calls[body.get("description")].append(fault.kind if fault else "none")
        return self._fail(fault, lambda fault: self._created(body, fault))

    def _created(self, body: Any, fault: Fault | None) -> Reply:
        kind = fault and fault.kind
        lag = (fault.seconds or 0) if kind is Kind.LIST_LAGS else 0
        envelope = self._state.create(body, is_sent=kind is not Kind.DRAFT_LEFT, list_lag=lag)
        return Reply.of(answers.created(envelope, credits_left=self._state.credits), 201)

    def _list(self, query: Mapping[str, str]) -> Reply:
        page, size = int(query.get("page", 1)), int(query.get("page_size", 50))
        found = self._state.listed(query)
        pagination = {
            "current_page": page,
            "page_size": size,
            "total_count": len(found),
            "total_pages": -(-len(found) // size),
        }
        results = [answers.item(each) for each in found[(page - 1) * size : page * size]]
        return Reply.of({"results": results, "pagination": pagination})

    def _detail(self, envelope_id: str) -> dict[str, Any]:
        return answers.detail(self._state.get(envelope_id), files_url=self._files_url(envelope_id))

    def _cancel(self, envelope_id: str, body: Any) -> Reply:
        envelope = self._state.cancel(envelope_id, body.get("reason"))
        return Reply.of({"message": "Cancelled.", "signing_request_id": envelope.id, "notify_signers": True})

    def _download(self, envelope_id: str) -> Reply:
        envelope = self._state.get(envelope_id)
        if envelope.status == DRAFT:
            raise Refusal(409, "no_document_available", message="It has not been sent yet.")
        if envelope.status == FINISHED and not envelope.has_files:
            return Reply.of({"error": "generation_timeout"}, 503, **{"Retry-After": "1"})
        link = f"{self._files_url(envelope_id)}/document.pdf"
        is_partial = envelope.status != FINISHED
        status = "in_progress" if is_partial else FINISHED
        return Reply.of({"status": status, "is_partial": is_partial, "download_url": link})

    def _file(self, envelope_id: str, file: str) -> Reply:
        if not self._state.get(envelope_id).has_files or file not in self._files:
            return not_found()
        return Reply(body=self._files[file], content_type="application/pdf")

    def _announce(self) -> Reply:
        document_id = self._state.new_id()
        self._state.uploads[document_id] = None
        upload_url = f"{self.origin}/uploads/{document_id}"
        return Reply.of({"document_id": document_id, "upload_url": upload_url, "expires_in": 3600}, 201)

    def _upload(self, document_id: str, content: bytes) -> Reply:
        if self._state.uploads.get(document_id, b"") is not None:
            raise Refusal(403, "Forbidden", message="The URL is unknown or used.")
        self._state.uploads[document_id] = content
        return Reply.of({})

    def _files_url(self, envelope_id: str) -> str:
        return f"{self.origin}/files/{envelope_id}"

    def _control(self, request: Request, path: tuple[str, ...]) -> Reply:
        match path:
            case ("state",):
                return Reply.of(self._everything())
            case ("open",):
                return Reply.of({"open": self._open()})
            case ("pending",):
                return Reply.of({"pending": self._pending()})
            case ("faults",):
                set_faults(self._faults, request.json())
            case ("faults", "clear"):
                self._faults.clear()
            case ("events",):
                self.events.deliver_to(Delivery(**request.json()))
            case ("events", "stop"):
                self.events.deliver_to(None)
            case ("envelopes", envelope_id, action):
                return Reply.of(answers.for_control(act(self._state, envelope_id, action, request.json())))
            case _:
                return not_found()
        return Reply.of({})

    def _everything(self) -> dict[str, Any]:
        with self._state.lock:
            envelopes = [answers.for_control(each) for each in self._state.envelopes.values()]
            calls = {(ref or "").removeprefix("ref:"): kinds for ref, kinds in self._state.create_calls.items()}
        return {
            "envelopes": envelopes,
            "create_calls": calls,
            "calls": dict(self._calls),
            "mails": sum(len(each["invited"]) for each in envelopes),
            "pending": self._pending(),
            "events": dict(self.events.counts),
        }

    def _open(self) -> list[dict[str, Any]]:
        with self._state.lock:
            return [
                {"id": each.id, "ref": answers.reference(each), "call": self._state.create_calls[each.description][-1]}
                for each in self._state.envelopes.values()
                if each.status == OPEN
            ]

    def _pending(self) -> int:
        with self._timers_lock:
            return len(self._timers) + self.events.pending()


def _refusing(action: Action) -> Action:
    """Make refusals of an action answers, so that a fault can treat them like any other."""

    def do(fault: Fault | None) -> Reply:
        try:
            return action(fault)
        except Refusal as refusal:
            return Reply.of(refusal.body, refusal.status)

    return do
