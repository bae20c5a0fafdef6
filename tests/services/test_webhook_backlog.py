"""What `countersign doctor` says of webhooks."""

import pytest

from app.services import doctor
from tests.builders.ceremonies import work
from tests.fakes.webhooks import answering, unreachable
from tests.webhooks import URL, subscribe


@pytest.fixture
def findings(app, deps):
    def examine():
        with app.app_context():
            return {finding.subject: finding for finding in doctor.examine(deps)}

    return examine


def advised(findings):
    return {subject for subject, finding in findings.items() if finding.advice is not None}


def test_a_delivery_that_waits_for_its_next_attempt_needs_nobody(app, api, webhooks, findings, time):
    subscribe(app, api)
    webhooks.behaviours[URL] = unreachable
    api.created()
    work(app)
    time.advance(seconds=20)

    assert advised(findings()) == set()
    assert findings()["deliveries not made"].state == "1, the oldest for 20 seconds"


def test_a_delivery_that_nobody_makes_needs_a_person(app, api, findings, time):
    subscribe(app, api)
    api.created()
    time.advance(minutes=11)

    assert advised(findings()) == {"webhooks due but not sent"}
    time.advance(days=2)
    assert "deliveries not made" in advised(findings())


def test_a_webhook_that_we_switched_off_needs_a_person(app, api, webhooks, findings, time):
    made = subscribe(app, api)
    webhooks.behaviours[URL] = answering(410)
    api.created()
    work(app)

    assert advised(findings()) == {"webhooks that we switched off"}
    api.request("PATCH", f"/v1/webhooks/{made.id}", json={"active": True})
    assert advised(findings()) == set()


def test_a_webhook_that_its_project_switched_off_needs_nobody(app, api, findings):
    made = subscribe(app, api)
    api.request("PATCH", f"/v1/webhooks/{made.id}", json={"active": False})

    assert advised(findings()) == set()
