"""What the fake signing service answers: the three spellings of one envelope (provider fact sheet, sections 2-11)."""

from datetime import datetime
from typing import Any

from tests.fakes.provider_state import CANCELLED, DECLINED, EXPIRED, FINISHED, Envelope, Person, expires_at


def created(envelope: Envelope, *, credits_left: int) -> dict[str, Any]:
    first = envelope.active()
    return {
        "id": envelope.id,
        "name": envelope.name,
        "description": envelope.description,
        "status": "sent",
        "expiration_hours": envelope.expiration_hours,
        "created_date": _time(envelope.created_on),
        "sent_date": _moment(envelope, "sent"),
        "first_signer": first
        and {"id": first.id, "email": first.email, "signing_link": f"https://sign.invalid/{first.id}"},
        "recipients": [_person(person) for person in envelope.people],
        "credits_remaining": credits_left,
    }


def item(envelope: Envelope) -> dict[str, Any]:
    """Return an envelope as the list shows it (section 6)."""
    return {
        "id": envelope.id,
        "name": envelope.name,
        "description": envelope.description,
        "status": envelope.status,
        "expiration_hours": envelope.expiration_hours,
        "expires_at": _time(expires_at(envelope)),
        "created_date": _time(envelope.created_on),
        **{f"{word}_date": _moment(envelope, word) for word in ("sent", "finished", "cancelled", "declined")},
        "recipients": [{**_person(person), "finished_date": _time(person.finished_on)} for person in envelope.people],
    }


def detail(envelope: Envelope, *, files_url: str) -> dict[str, Any]:
    """Return an envelope as it is read alone (section 5)."""
    is_ready = envelope.has_files
    links = {"final_document": "document", "document_only": "document", "certificate_only": "certificate"}
    return {
        "id": envelope.id,
        "name": envelope.name,
        "template_description": envelope.description,
        "use_signing_order": 1,
        "expiration_hours": envelope.expiration_hours,
        "expires_at": _time(expires_at(envelope)),
        "status": {
            "sent": "sent" in envelope.moments,
            **{word: envelope.status == word for word in (FINISHED, CANCELLED, DECLINED, EXPIRED)},
        },
        "timestamps": {
            "created_on": _time(envelope.created_on),
            **{f"{word}_on": _moment(envelope, word) for word in ("sent", FINISHED, CANCELLED, DECLINED)},
        },
        "certificate": {"generated": is_ready, "has_error": False},
        **{f"{link}_download_url": f"{files_url}/{file}.pdf" if is_ready else None for link, file in links.items()},
        **{f"{link}_download_error": None for link in links},
    }


def people(envelope: Envelope) -> dict[str, Any]:
    """Return how far each person is (section 7)."""
    return {
        "results": [
            {
                **_person(person),
                "finished_on": _time(person.finished_on),
                "declined_on": _time(person.declined_on),
                "decline_reason": person.decline_reason,
                **_mail_failures(person),
            }
            for person in envelope.people
        ]
    }


def event_data(envelope: Envelope) -> dict[str, Any]:
    """Return what an event carries (section 13.2)."""
    return {
        "signing_request": {"id": envelope.id, "name": envelope.name, "sent_at": _moment(envelope, "sent")},
        "recipients": [_person(person) for person in envelope.people],
    }


def for_control(envelope: Envelope) -> dict[str, Any]:
    """Return everything about an envelope, for whoever checks on the service."""
    return {
        **item(envelope),
        "ref": reference(envelope),
        "created_at": _time(envelope.created_on),
        "invited": envelope.invited,
        "mail_failures": {person.id: len(person.mail_failures) for person in envelope.people},
        "cancel_reason": envelope.cancel_reason,
    }


def reference(envelope: Envelope) -> str | None:
    """Return the id that the caller put into the description, so as to find the envelope again."""
    mark, _, value = (envelope.description or "").partition(":")
    return value if mark == "ref" else None


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": " ".join(filter(None, (person.first_name, person.last_name))),
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "designation": person.designation,
        "order": person.order,
    }


def _mail_failures(person: Person) -> dict[str, Any]:
    """Return the bundled service's own member; the remote service has none."""
    return {"mail_failures": [{"reason": reason} for reason in person.mail_failures]} if person.mail_failures else {}


def _moment(envelope: Envelope, word: str) -> str | None:
    return _time(envelope.moments.get(word))


def _time(moment: datetime | None) -> str | None:
    return moment and moment.isoformat(timespec="milliseconds")
