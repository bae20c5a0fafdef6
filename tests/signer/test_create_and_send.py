"""Create-and-send over HTTP: what is accepted, what comes back, what is refused (provider fact sheet, section 2)."""

import base64

import pytest

from tests.builders.pdfs import encrypted_pdf, make_pdf
from tests.signer.service import REQUESTS, make_anchor, make_body, make_field, make_recipient


def test_a_good_body_is_created_and_sent(service):
    answer = service.create(description="ref:42", expiration_hours=24)
    assert answer.status_code == 201
    assert answer.json["status"] == "sent"
    assert answer.json["description"] == "ref:42"
    assert answer.json["expiration_hours"] == 24
    assert answer.json["page_count"] == 1
    assert answer.json["template_id"] is None
    assert answer.json["credits_remaining"] > 0
    assert answer.json["warnings"] == []


def test_temporary_ids_become_real_ones(service):
    answer = service.create().json
    (recipient,) = answer["recipients"]
    assert recipient["id"] != "temp_1"
    assert answer["fields"][0]["recipient_id"] == recipient["id"]
    assert answer["first_signer"]["id"] == recipient["id"]
    assert recipient["name"] == "Person1 Tester"


def test_the_first_signers_link_is_told_once_and_works(service):
    link = service.create().json["first_signer"]["signing_link"]
    assert service.ceremony.find(link.rpartition("/")[2]).recipient_name == "Person1 Tester"


def test_the_order_of_the_answer_is_the_signing_order(service):
    recipients = [make_recipient(1, order=2), make_recipient(2, order=1)]
    answer = service.create(recipients=recipients, fields=[make_field(1), make_field(2)]).json
    assert [recipient["order"] for recipient in answer["recipients"]] == [1, 2]
    assert answer["first_signer"]["email"] == "person2@example.test"


def test_two_calls_make_two_envelopes(service):
    assert service.create().json["id"] != service.create().json["id"]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"name": ""}, "name: "),
        ({"name": "n" * 256}, "name: "),
        ({"name": "two\nlines"}, "name: "),
        ({"recipients": []}, "recipients: "),
        ({"recipients": [make_recipient(designation="CC")], "fields": []}, "at least one Signer"),
        ({"recipients": [make_recipient(email="nobody")]}, "recipients.0.email: Not a valid email address."),
        ({"recipients": [make_recipient(email="a@b.test\r\nBcc: c@d.test")]}, "recipients.0.email: "),
        ({"recipients": [make_recipient(designation="signer")]}, "recipients.0.designation: "),
        ({"recipients": [make_recipient(order=1.5)]}, "recipients.0.order: "),
        ({"recipients": [make_recipient(id="one")]}, "recipients.0.id: A temporary id must start with temp_."),
        ({"recipients": [make_recipient(1), make_recipient(2, id="temp_1")]}, "is used twice"),
        ({"fields": [make_field(2)]}, "fields.0: recipient_id names no recipient."),
        ({"fields": [make_field(type="hologram")]}, "fields.0.type: "),
        ({"fields": [make_field(type="dropdown")]}, "dropdown_options"),
        ({"fields": [make_field(multi_group_id="red")]}, "fields.0.multi_group_id: "),
        ({"fields": [make_field(page_number=0)]}, "fields.0.page_number: "),
        ({"fields": [make_field(page_number=2)]}, "fields.0: Page 2 does not exist; the document has 1."),
        ({"fields": [make_field(position={"x": 80, "y": 1, "width": 21, "height": 5})]}, "The field leaves the page."),
        ({"fields": [make_field(position={"x": 1, "y": 96, "width": 20, "height": 5})]}, "The field leaves the page."),
        ({"fields": [make_field(position={"x": 1, "y": 1, "width": 0, "height": 5})]}, "fields.0.position.width: "),
        ({"fields": [{"recipient_id": "temp_1", "type": "text", "page": 1, "x": 1, "y": 1}]}, "page_number"),
        ({"expiration_hours": 0}, "expiration_hours: "),
        ({"expiration_hours": "24"}, "expiration_hours: "),
        ({"template_id": "5ca1ab1e-0000-4000-8000-000000000009"}, "no templates"),
        ({"document": None}, "Exactly one of document and document_id"),
        ({"document_id": "5ca1ab1e-0000-4000-8000-000000000009"}, "Exactly one of document and document_id"),
        ({"document": "not base64!"}, "document: Not valid base64."),
        ({"document": base64.b64encode(b"plain text").decode()}, "document: "),
        ({"anchor_tags": [make_anchor()] * 101}, "anchor_tags: "),
    ],
)
def test_a_wrong_body_is_refused_with_a_sentence_for_each_reason(service, overrides, sentence):
    answer = service.create(**overrides)
    assert answer.status_code == 400
    assert answer.json["code"] == "VALIDATION_ERROR"
    assert answer.json["phase"] == "create_validation"
    messages = [error["message"] for error in answer.json["errors"]]
    assert answer.json["error"] == messages[0]
    assert any(sentence in message for message in messages), messages


def test_what_is_refused_leaves_nothing_behind(service):
    service.create(fields=[make_field(page_number=9)])
    assert service.work() == 0
    assert service.call("GET", REQUESTS).json["results"] == []


def test_a_full_disk_is_our_fault_and_leaves_nothing_behind(service, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(service.parts.storage, "save", no_space)
    answer = service.create()
    assert answer.status_code == 500
    assert answer.json == {"error": "Internal Server Error"}
    assert service.call("GET", REQUESTS).json["results"] == []


def test_an_encrypted_document_is_refused_with_its_reason(service):
    answer = service.create(pdf=encrypted_pdf())
    assert answer.json["error"] == "document: The PDF is encrypted; remove its protection first."


def test_an_approver_only_gets_approval_fields(service):
    recipients = [make_recipient(1), make_recipient(2, designation="Approver")]
    answer = service.create(recipients=recipients, fields=[make_field(2)])
    assert "An Approver can only have approval fields." in answer.json["error"]
    assert service.create(recipients=recipients, fields=[make_field(2, type="approval_date")]).status_code == 201


def test_a_copy_gets_no_fields(service):
    recipients = [make_recipient(1), make_recipient(2, designation="CC")]
    answer = service.create(recipients=recipients, fields=[make_field(2)])
    assert answer.json["error"] == "fields.0: A CC has no fields."


@pytest.mark.parametrize(
    ("written", "meant"),
    [("initials", "initial"), ("Textarea", "text_area"), ("RADIO", "radio_buttons"), ("Signature", "signature")],
)
def test_other_spellings_of_types_are_understood(service, written, meant):
    assert service.create(fields=[make_field(type=written)]).json["fields"][0]["type"] == meant


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"name": NaN}', b'{"name": "a", "name": "b"}', b"\xff", b'{"name": "\\ud800"}', b"[" * 100_000]
)
def test_what_is_not_strict_json_is_refused(service, raw):
    answer = service.call("POST", f"{REQUESTS}/create-and-send", data=raw)
    assert answer.status_code == 400
    assert answer.json["error"] == "The body is not valid JSON."


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_json_that_is_no_object_is_refused(service, body):
    assert service.call("POST", f"{REQUESTS}/create-and-send", json=body).status_code == 400


def test_a_body_over_eight_mebibytes_is_refused(service):
    answer = service.call("POST", f"{REQUESTS}/create-and-send", data=b" " * (8 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_unknown_members_are_ignored_but_those_of_anchors_are_named(service):
    body = make_body(
        pdf=make_pdf(text="Here: {{SIGN_1}}"), metadata={"a": 1}, anchor_tags=[make_anchor(colour="red", bold=True)]
    )
    answer = service.call("POST", f"{REQUESTS}/create-and-send", json=body)
    assert answer.status_code == 201
    assert answer.json["warnings"] == [
        "anchor_tags[0]: unknown property 'bold' was ignored",
        "anchor_tags[0]: unknown property 'colour' was ignored",
    ]


class TestAnchors:
    """Anchors are searched in the document for real."""

    PDF = make_pdf(pages=2, text=["Sign {{SIGN_1}} and {{SIGN_1}}", "again {{sign_1}}, PREFIX{{SIGN_1}}"])

    def places(self, service, **anchor):
        answer = service.create(pdf=self.PDF, fields=[], anchor_tags=[make_anchor(**anchor)])
        assert answer.status_code == 201, answer.json
        return [(field["page_number"], field["type"]) for field in answer.json["fields"]]

    def test_every_match_becomes_a_field(self, service):
        assert self.places(service) == [(1, "signature"), (1, "signature"), (2, "signature"), (2, "signature")]

    def test_case_counts_when_it_should(self, service):
        assert [page for page, _ in self.places(service, case_sensitive=True)] == [1, 1, 2]

    def test_only_the_nth_match_counts_when_it_should(self, service):
        assert [page for page, _ in self.places(service, occurrence=3)] == [2]

    def test_whole_words_count_when_they_should(self, service):
        assert [page for page, _ in self.places(service, anchor_string="sign_1", match_whole_word=True)] == [1, 1, 2, 2]
        assert self.places(service, anchor_string="gn_1", match_whole_word=True, ignore_if_not_present=True) == []

    def test_an_absent_anchor_fails_the_whole_request(self, service):
        answer = service.create(pdf=self.PDF, fields=[], anchor_tags=[make_anchor(anchor_string="[nowhere]")])
        assert answer.status_code == 400
        assert answer.json["error"] == "anchor_tags.0: The anchor '[nowhere]' was not found in the document."

    def test_an_absent_anchor_may_be_ignored(self, service):
        assert self.places(service, anchor_string="[nowhere]", ignore_if_not_present=True) == []

    def test_an_occurrence_that_does_not_exist_is_an_absent_anchor(self, service):
        answer = service.create(pdf=self.PDF, fields=[], anchor_tags=[make_anchor(occurrence=9)])
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        ("type_", "size"), [("signature", (25, 5)), ("initials", (10, 5)), ("date", (20, 3)), ("checkbox", (3, 3))]
    )
    def test_without_a_size_a_type_has_its_own(self, service, type_, size):
        answer = service.create(pdf=self.PDF, fields=[], anchor_tags=[make_anchor(type=type_, occurrence=1)])
        position = answer.json["fields"][0]["position"]
        assert (position["width"], position["height"]) == size

    def test_offsets_in_points_are_turned_into_percent(self, service):
        def position(**offsets):
            anchor = make_anchor(occurrence=1, **offsets)
            return service.create(pdf=self.PDF, fields=[], anchor_tags=[anchor]).json["fields"][0]["position"]

        moved, plain = position(x_offset=59.5276, y_offset=84.189, offset_units="pixels"), position()
        assert moved["x"] - plain["x"] == pytest.approx(10, abs=0.01)
        assert moved["y"] - plain["y"] == pytest.approx(10, abs=0.01)

    def test_a_field_is_kept_on_the_page(self, service):
        anchor = make_anchor(occurrence=1, x_offset=99, y_offset=-99)
        position = service.create(pdf=self.PDF, fields=[], anchor_tags=[anchor]).json["fields"][0]["position"]
        assert (position["x"], position["y"]) == (75, 0)

    def test_a_recipient_may_be_named_by_order(self, service):
        assert self.places(service, recipient_id=1, occurrence=1) == [(1, "signature")]


class TestUploads:
    """Documents too large for a JSON body come in two steps (section 3)."""

    def announce(self, service, pdf, **overrides):
        body = {"file_name": "a.pdf", "file_size": len(pdf), "content_type": "application/pdf"} | overrides
        return service.call("POST", "/signing-request-api/documents", json=body)

    def put(self, service, url, pdf, content_type="application/pdf"):
        path = url.removeprefix("https://signer.test")
        return service.app.test_client().put(path, data=pdf, content_type=content_type)

    def test_an_uploaded_document_can_be_sent_once(self, service):
        pdf = make_pdf(pages=3)
        announced = self.announce(service, pdf).json
        assert self.put(service, announced["upload_url"], pdf).status_code == 200
        document = {"document": None, "document_id": announced["document_id"]}
        assert service.create(**document).json["page_count"] == 3
        assert service.create(**document).status_code == 404

    def test_an_address_takes_one_file_only(self, service):
        pdf = make_pdf()
        url = self.announce(service, pdf).json["upload_url"]
        self.put(service, url, pdf)
        assert self.put(service, url, pdf).status_code == 409

    def test_only_the_announced_file_is_taken(self, service):
        pdf = make_pdf()
        url = self.announce(service, pdf).json["upload_url"]
        assert self.put(service, url, pdf + b"\n").status_code == 400
        assert self.put(service, url, pdf, "text/plain").status_code == 400

    def test_an_address_works_for_an_hour(self, service, time):
        pdf = make_pdf()
        announced = self.announce(service, pdf).json
        assert announced["expires_in"] == 3600
        time.advance(hours=1)
        assert self.put(service, announced["upload_url"], pdf).status_code == 404

    def test_an_uploaded_file_is_deleted_when_its_time_is_over(self, service, time):
        pdf = make_pdf()
        announced = self.announce(service, pdf).json
        self.put(service, announced["upload_url"], pdf)
        envelope_id = service.send(document=None, document_id=announced["document_id"])
        key = f"uploads/{announced['document_id']}.pdf"
        assert service.parts.storage.read(key) == pdf
        time.advance(hours=1)
        service.work()
        with pytest.raises(FileNotFoundError):
            service.parts.storage.read(key)
        assert service.fetch(service.detail(envelope_id)["document_url"]).data == pdf

    def test_a_guessed_address_takes_nothing(self, service):
        assert self.put(service, "https://signer.test/uploads/guess", b"x").status_code == 404

    def test_a_document_that_never_came_cannot_be_sent(self, service):
        announced = self.announce(service, make_pdf()).json
        assert service.create(document=None, document_id=announced["document_id"]).status_code == 404

    @pytest.mark.parametrize(
        "overrides", [{"file_size": 52_428_801}, {"file_size": 0}, {"content_type": "text/plain"}, {"file_name": ""}]
    )
    def test_a_wrong_announcement_is_refused(self, service, overrides):
        answer = self.announce(service, make_pdf(), **overrides)
        assert answer.status_code == 400
        assert answer.json["code"] == "VALIDATION_ERROR"
