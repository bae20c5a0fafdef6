"""`countersign doctor`: what is well, and what a person should do about the rest."""

import pytest

from app.domain.errors import ProviderUnavailable
from app.services import doctor
from tests.callers import rewire
from tests.provider_events import signed_event


@pytest.fixture
def findings(app, deps):
    def examine() -> dict[str, doctor.Finding]:
        with app.app_context():
            return {finding.subject: finding for finding in doctor.examine(deps)}

    return examine


def lost() -> None:
    raise ProviderUnavailable("Lost.", operation="call", may_have_acted=True)


def advised(findings: dict[str, doctor.Finding]) -> set[str]:
    return {subject for subject, finding in findings.items() if finding.advice is not None}


def test_a_healthy_installation_needs_nobody(findings, api):
    api.created()

    assert advised(findings()) == set()


def test_a_fresh_doubt_is_shown_and_an_old_one_needs_a_person(findings, api, signing, time):
    signing.before.update(create=lost, find=lost)
    api.create()
    young = findings()["requests in doubt"]
    time.advance(hours=2)
    old = findings()["requests in doubt"]

    assert young.state.startswith("1, the oldest for")
    assert young.advice is None
    assert old.state == "1, the oldest for 2 hours"
    assert "nothing is sent twice meanwhile" in old.advice


def test_an_event_that_nobody_applies_needs_a_person(findings, api, deps, time):
    (secret,) = deps.settings.signing_provider_webhook_secrets
    body, headers = signed_event("evt_1", "signing_request.sent", "unknown", secret)
    api.client.post("/hooks/signing-provider", data=body, headers=headers)
    time.advance(hours=3)

    assert advised(findings()) == {"events not applied"}


def test_a_request_that_nobody_polls_past_its_expiry_needs_a_person(findings, api, time):
    api.created(expirationHours=1)
    time.advance(hours=3)

    assert advised(findings()) == {"requests past their expiry"}


def test_a_provider_that_does_not_answer_needs_a_person(findings, signing):
    signing.before["credits"] = lost

    assert advised(findings()) == {"signing service"}


def test_few_credits_need_a_person(findings, signing, monkeypatch):
    monkeypatch.setattr(signing, "credits", lambda: 3)

    finding = findings()["signing service"]

    assert (finding.state, finding.advice) == ("answers, 3 credits left", "buy credits")


def test_a_full_disk_needs_a_person(app, deps):
    class FullStorage:
        def check(self) -> None:
            raise OSError("The storage folder cannot be written to: No space left on device.")

    rewire(app, storage=FullStorage())
    with app.app_context():
        (finding,) = (each for each in doctor.examine(app.extensions["countersign"]) if each.subject == "storage")

    assert finding.state == "cannot be used: The storage folder cannot be written to: No space left on device."
    assert "STORAGE_URL" in finding.advice


def test_without_a_signing_service_it_says_which_settings_are_missing(app):
    rewire(app, signing=None)
    with app.app_context():
        (finding,) = (
            each for each in doctor.examine(app.extensions["countersign"]) if each.subject == "signing service"
        )

    assert finding.advice == "set SIGNING_PROVIDER_URL and SIGNING_PROVIDER_API_KEY"
