"""`countersign webhooks …`, as an operator meets it."""

from datetime import timedelta

import pytest

from app.domain import clock
from app.domain.events import Event
from app.models import DeliveryStatus, SwitchOffReason, WebhookDelivery, WebhookSubscription
from app.services.unit_of_work import unit_of_work
from tests.callers import ABSENT
from tests.commands import fails, lines
from tests.webhooks import deliveries

URL = "https://receiver.example/hook"


@pytest.fixture
def insecure(monkeypatch):
    """Let no name be looked up."""
    monkeypatch.setenv("WEBHOOK_ALLOW_INSECURE", "1")


@pytest.fixture
def webhook_id(insecure, run, project_id):
    result = run("webhooks", "create", project_id, URL)
    return result.stderr.split()[1].rstrip(".")


def abandon(app, *, age):
    """Make every delivery one that was abandoned, and was queued so long ago."""
    with app.app_context(), unit_of_work() as session:
        for delivery in session.query(WebhookDelivery):
            delivery.status = DeliveryStatus.ABANDONED
            delivery.due_at = None
            delivery.finished_at = clock.utcnow()
            delivery.created_at -= age


def test_the_last_line_is_the_secret_and_nothing_else(insecure, run, project_id):
    result = run("webhooks", "create", project_id, URL, "--event", "signature.completed", "--description", "Books")

    assert lines(result)[-1].startswith("whsec_")
    assert "shown only once" in result.stderr
    (listed,) = lines(run("webhooks", "list"))
    assert listed.split("  ")[1:] == ["Acme", URL, "active"]


def test_a_webhook_is_for_all_events_unless_it_is_told(app, run, webhook_id):
    with app.app_context(), unit_of_work() as session:
        (made,) = session.query(WebhookSubscription)

    assert made.events == [*Event]


@pytest.mark.parametrize("url", ["http://receiver.example/", "https://127.0.0.1/", "ftp://receiver.example/"])
def test_an_address_that_is_forbidden_is_refused(run, project_id, url):
    assert "The URL" in fails(run("webhooks", "create", project_id, url))
    assert lines(run("webhooks", "list")) == []


def test_a_webhook_that_is_switched_off_is_shown_as_such(app, run, webhook_id):
    with app.app_context(), unit_of_work() as session:
        (made,) = session.query(WebhookSubscription)
        made.active = False
        made.disabled_at = made.failing_since = clock.utcnow()
        made.disabled_reason = SwitchOffReason.FAILING

    (listed,) = lines(run("webhooks", "list"))
    assert "switched off (failing)  failing since" in listed
    report = run("doctor")
    assert "LOOK  webhooks that we switched off: 1" in report.stdout


def test_a_secret_is_rotated(app, run, webhook_id):
    result = run("webhooks", "rotate-secret", webhook_id)

    with app.app_context(), unit_of_work() as session:
        (made,) = session.query(WebhookSubscription)
    assert lines(result)[-1] == made.secret
    assert made.previous_secret.startswith("whsec_")


def test_a_test_delivery_is_queued(app, run, webhook_id):
    lines(run("webhooks", "test", webhook_id))

    assert [(each.event, each.status) for each in deliveries(app)] == [("webhook.test", "pending")]


def test_deleting_shows_what_it_would_do_until_it_is_confirmed(run, webhook_id):
    assert "--yes" in lines(run("webhooks", "delete", webhook_id))[-1]
    assert len(lines(run("webhooks", "list"))) == 1

    lines(run("webhooks", "delete", webhook_id, "--yes"))
    assert lines(run("webhooks", "list")) == []


@pytest.mark.parametrize("command", ["rotate-secret", "test", "delete"])
def test_a_webhook_that_does_not_exist_is_one_line(run, command):
    assert ABSENT in fails(run("webhooks", command, ABSENT))


def test_redelivering_shows_the_number_first_and_then_does_it(app, run, webhook_id):
    for _ in range(3):
        lines(run("webhooks", "test", webhook_id))
    abandon(app, age=timedelta(hours=1))
    since = f"{clock.utcnow() - timedelta(hours=2):%Y-%m-%dT%H:%M:%S}"

    shown = lines(run("webhooks", "redeliver", "--since", since))
    assert shown[0].startswith("3 deliveries are abandoned since")
    assert "--yes" in shown[-1]
    assert {each.status for each in deliveries(app)} == {"abandoned"}

    assert "3" in lines(run("webhooks", "redeliver", "--since", since, "--yes"))[-1]
    assert {each.status for each in deliveries(app)} == {"pending"}


def test_nothing_older_and_nothing_of_another_status_is_sent_again(app, run, webhook_id):
    lines(run("webhooks", "test", webhook_id))
    abandon(app, age=timedelta(hours=3))
    since = f"{clock.utcnow() - timedelta(hours=2):%Y-%m-%d %H:%M:%S}"

    assert lines(run("webhooks", "redeliver", "--since", since, "--yes"))[-1].startswith("Queued 0")
    assert lines(run("webhooks", "redeliver", "--since", "2020-01-01", "--status", "dropped"))[0].startswith("0 ")
    assert {each.status for each in deliveries(app)} == {"abandoned"}
