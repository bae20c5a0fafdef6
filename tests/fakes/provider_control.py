"""The control side of the fake signing service: what tests, and other processes, tell it to do and ask it about."""

from collections.abc import Mapping
from typing import Any

import requests

from tests.fakes.provider_faults import Fault, Faults
from tests.fakes.provider_state import ProviderState

Wish = str | Mapping[str, object] | None


class ProviderControl:
    """Controls a fake signing service over HTTP, in whatever process it runs.

    Operations are `create`, `list`, `read`, `users`, `cancel`, `delete`, `download`, `file`, `announce`, `upload` and
    `company`; the kinds of faults are in `provider_faults.Kind`.
    """

    def __init__(self, origin: str) -> None:
        """Control the service at `http://127.0.0.1:<port>`."""
        self.origin = origin
        #: What the API is given as SIGNING_PROVIDER_URL.
        self.url = f"{origin}/signing-request-api"
        self._session = requests.Session()
        self._session.trust_env = False

    def script(self, operation: str, *faults: Wish) -> None:
        """Have the next calls fail so: "drop_before", or {"kind": "hang", "seconds": 3}; None lets one succeed."""
        self._post("faults", {"operation": operation, "script": list(faults)})

    def mix(self, operation: str, *shares: tuple[Wish, float]) -> None:
        """Have each call fail with these probabilities: ("drop_before", 0.05), …"""
        self._post("faults", {"operation": operation, "mix": [list(share) for share in shares]})

    def clear_faults(self) -> None:
        """Let everything succeed from now on; what is late or hangs already stays so."""
        self._post("faults/clear", {})

    def send_events(self, url: str, secret: str, **mix: float) -> None:
        """Send signed events there; `mix` are the shares and seconds of `provider_events.Delivery`."""
        self._post("events", {"url": url, "secret": secret, **mix})

    def send_no_events(self) -> None:
        self._post("events/stop", {})

    def view(self, envelope_id: str) -> dict[str, Any]:
        return self._act(envelope_id, "view")

    def sign(self, envelope_id: str) -> dict[str, Any]:
        """Have the person sign whose turn it is; raises HTTPError when the envelope is not open, as the others do."""
        return self._act(envelope_id, "sign")

    def finish(self, envelope_id: str) -> dict[str, Any]:
        return self._act(envelope_id, "finish")

    def decline(self, envelope_id: str, reason: str | None = None) -> dict[str, Any]:
        return self._act(envelope_id, "decline", reason=reason)

    def refuse_mail(self, envelope_id: str) -> dict[str, Any]:
        """Have the mail to the person whose turn it is refused for good."""
        return self._act(envelope_id, "refuse_mail")

    def expire(self, envelope_id: str) -> dict[str, Any]:
        return self._act(envelope_id, "expire")

    def state(self) -> dict[str, Any]:
        """Return everything: `envelopes` (with `ref`, `status`, `invited`, …), `create_calls` per ref, `calls` per
        other operation, `mails`, `pending` (what is still to happen by itself) and `events` (how many were told, lost,
        delivered, failed).
        """
        return self._json(self._session.get(f"{self.origin}/control/state", timeout=30))

    def open_envelopes(self) -> list[dict[str, Any]]:
        """Return `id`, `ref` and `call` (what became of the create call) of what can be signed now; cheap."""
        return self._json(self._session.get(f"{self.origin}/control/open", timeout=10))["open"]

    def envelopes_of(self, ref: object) -> list[dict[str, Any]]:
        """Return the envelopes that carry one of our references."""
        return [each for each in self.state()["envelopes"] if each["ref"] == str(ref)]

    def calls(self, operation: str) -> int:
        """Return how often an operation other than create was asked for."""
        return self.state()["calls"].get(operation, 0)

    def pending(self) -> int:
        """Return how many late envelopes, lagging list entries and events are still to come."""
        return self._json(self._session.get(f"{self.origin}/control/pending", timeout=10))["pending"]

    def close(self) -> None:
        self._session.close()

    def _act(self, envelope_id: str, action: str, **members: object) -> dict[str, Any]:
        return self._post(f"envelopes/{envelope_id}/{action}", members)

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._json(self._session.post(f"{self.origin}/control/{path}", json=body, timeout=10))

    @staticmethod
    def _json(answer: requests.Response) -> dict[str, Any]:
        answer.raise_for_status()
        return answer.json()


def set_faults(faults: Faults, body: Mapping[str, Any]) -> None:
    """Do what `script` or `mix` asks for."""
    if "script" in body:
        faults.script(body["operation"], [None if wish is None else Fault.parse(wish) for wish in body["script"]])
    if "mix" in body:
        faults.mix(body["operation"], [(Fault.parse(wish), share) for wish, share in body["mix"]])


def act(state: ProviderState, envelope_id: str, action: str, body: Mapping[str, Any]) -> Any:
    """Do what a recipient does; return the envelope."""
    match action:
        case "decline":
            return state.decline(envelope_id, body.get("reason"))
        case "view" | "sign" | "finish" | "expire" | "refuse_mail":
            return getattr(state, action)(envelope_id)
    raise ValueError(action)
