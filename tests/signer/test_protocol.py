"""The rest of the provider's protocol over HTTP: keys, versions, rates, reading back, cancel, files."""

import pytest

from tests.signer.service import API_KEY, REQUESTS, make_field, make_recipient

ABSENT = "5ca1ab1e-0000-4000-8000-000000000009"


class TestKeys:
    @pytest.mark.parametrize("header", [API_KEY, f"Bearer {API_KEY}", f"bearer {API_KEY}"])
    def test_both_spellings_open(self, service, header):
        assert service.call("GET", REQUESTS, headers={"Authorization": header}).status_code == 200

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", API_KEY[:-1], f"Basic {API_KEY}", "clé-de-l'api"])
    def test_anything_else_is_unauthorized(self, service, header):
        answer = service.call("GET", REQUESTS, headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.json["error"] == "Unauthorized"
        assert answer.json["code"] == "UNAUTHORIZED"

    def test_every_key_of_several_opens(self, start_service):
        service = start_service(api_keys=("another-key-0123456789", API_KEY))
        for key in service.settings.api_keys:
            assert service.call("GET", REQUESTS, headers={"Authorization": key}).status_code == 200

    def test_no_route_of_the_protocol_is_open(self, service):
        rules = [rule for rule in service.app.url_map.iter_rules() if rule.rule.startswith("/signing-request-api")]
        client = service.app.test_client()
        for rule in rules:
            path = rule.rule.replace("<envelope_id>", ABSENT).replace("<path:_path>", "x")
            for method in rule.methods - {"OPTIONS", "HEAD"}:
                assert client.open(path, method=method).status_code == 401, (method, path)


class TestVersions:
    def test_the_version_is_echoed(self, service):
        assert service.call("GET", REQUESTS, headers={"X-API-Version": "1"}).headers["X-API-Version"] == "1"

    @pytest.mark.parametrize(
        ("version", "code"),
        [
            ("zero", "INVALID_VERSION"),
            ("0", "INVALID_VERSION"),
            ("-1", "INVALID_VERSION"),
            ("2", "UNSUPPORTED_VERSION"),
        ],
    )
    def test_other_versions_are_refused(self, service, version, code):
        answer = service.call("GET", REQUESTS, headers={"X-API-Version": version})
        assert answer.status_code == 400
        assert answer.json["code"] == code


class TestRates:
    def test_every_answer_says_what_is_left(self, service, time):
        first, second = service.call("GET", REQUESTS), service.call("GET", REQUESTS)
        assert int(first.headers["X-RateLimit-Remaining"]) - int(second.headers["X-RateLimit-Remaining"]) == 1
        assert int(first.headers["X-RateLimit-Reset"]) == int(time.now.timestamp()) + 60

    def test_too_many_calls_are_told_when_to_come_back(self, start_service, time):
        service = start_service(reads_per_minute=1)
        time.advance(seconds=20)
        service.call("GET", REQUESTS)
        answer = service.call("GET", REQUESTS)
        assert answer.status_code == 429
        assert answer.json["code"] == "RATE_LIMIT_EXCEEDED"
        assert answer.headers["Retry-After"] == "40"

    def test_the_next_minute_starts_anew(self, start_service, time):
        service = start_service(reads_per_minute=1)
        service.call("GET", REQUESTS)
        time.advance(minutes=1)
        assert service.call("GET", REQUESTS).status_code == 200


class TestReading:
    def test_the_detail_says_flags_and_on(self, service):
        envelope_id = service.send(description="ref:1", expiration_hours=2)
        detail = service.detail(envelope_id)
        assert detail["status"] == {
            "sent": True,
            "finished": False,
            "cancelled": False,
            "declined": False,
            "expired": False,
        }
        assert detail["timestamps"]["sent_on"] == "2026-06-05T10:00:00.000+00:00"
        assert detail["timestamps"]["finished_on"] is None
        assert detail["expires_at"] == "2026-06-05T12:00:00.000+00:00"
        assert detail["document_url_expires_at"] == "2026-06-05T11:00:00.000Z"
        assert detail["template_description"] == "ref:1"
        assert detail["use_signing_order"] == 1
        assert detail["settings"]["use_signing_order"] is True
        assert detail["final_document_download_url"] is None

    def test_the_list_says_a_word_and_date(self, service):
        envelope_id = service.send(description="ref:1")
        (item,) = service.call("GET", REQUESTS).json["results"]
        assert item["id"] == envelope_id
        assert item["status"] == "in_progress"
        assert item["description"] == "ref:1"
        assert item["sent_date"] == "2026-06-05T10:00:00.000+00:00"
        assert item["recipients"][0]["finished_date"] is None

    def test_people_are_read_apart(self, service):
        envelope_id = service.send(recipients=[make_recipient(company="Harbour Ltd", custom_fields={"no": 7})])
        (person,) = service.get(envelope_id, "users").json["results"]
        assert person["name"] == "Person1 Tester"
        assert person["company"] == "Harbour Ltd"
        assert person["custom_fields"] == {"no": 7}
        assert person["finished_on"] is None
        assert person["ready_to_send"] is True

    def test_fields_have_their_clean_and_their_misspelt_names(self, service):
        envelope_id = service.send(fields=[make_field(type="dropdown", dropdown_options=["a", "b"])])
        (field,) = service.get(envelope_id, "fields").json["results"]
        assert field["position"] == {"x": 10.0, "y": 61.0, "width": 30.0, "height": 5.0}
        assert (field["x_postion"], field["y_position"], field["width"], field["heigh"]) == (10.0, 61.0, 30.0, 5.0)
        assert field["dropdown_options"] == ["a", "b"]
        assert field["type"] == field["field_type"] == "dropdown"

    def test_reminders_are_a_bare_array(self, service):
        assert service.get(service.send(), "reminders").json == []

    def test_the_trail_begins_with_the_api(self, service):
        entries = service.get(service.send(), "audit").json["results"]
        assert [entry["event"] for entry in entries] == ["activity", "mail_sent"]
        assert entries[0]["source"] == "admin"
        assert entries[0]["actor"] == {"type": "api_key"}

    def test_an_unfinished_document_can_be_had_as_it_came(self, service):
        envelope_id = service.send()
        answer = service.get(envelope_id, "download").json
        assert answer["status"] == "in_progress"
        assert answer["is_partial"] is True
        assert service.fetch(answer["download_url"]).data.startswith(b"%PDF-")

    @pytest.mark.parametrize("rest", ["", "/users", "/fields", "/audit", "/download", "/reminders"])
    @pytest.mark.parametrize("envelope_id", [ABSENT, "no-uuid"])
    def test_what_is_not_there_is_not_found(self, service, envelope_id, rest):
        answer = service.call("GET", f"{REQUESTS}/{envelope_id}{rest}")
        assert answer.status_code == 404
        assert answer.json["error"] == "Not Found"

    def test_an_unknown_route_is_not_found(self, service):
        answer = service.call("GET", "/signing-request-api/certificates")
        assert answer.status_code == 404
        assert answer.json["code"] == "NOT_FOUND"

    def test_the_company_has_credits(self, service):
        assert service.call("GET", "/signing-request-api/company").json["credits"] > 0


class TestList:
    @pytest.fixture
    def names(self, service, time):
        """Send three envelopes, a minute apart; return how to list their names."""
        for number, name in enumerate(["Lease", "Loan 50%", "lease annex"], start=1):
            service.send(name=name, recipients=[make_recipient(email=f"p{number}@example.test")])
            time.advance(minutes=1)

        def names(query=""):
            answer = service.call("GET", f"{REQUESTS}?{query}")
            assert answer.status_code == 200, answer.json
            return [item["name"] for item in answer.json["results"]]

        return names

    def test_the_newest_comes_first(self, names):
        assert names() == ["lease annex", "Loan 50%", "Lease"]

    def test_it_can_be_sorted(self, names):
        assert names("sort_by=created_on&sort_order=asc") == ["Lease", "Loan 50%", "lease annex"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("name=LEASE", ["lease annex", "Lease"]),
            ("name=50%25", ["Loan 50%"]),
            ("name=_", []),
            ("signer_email=P2@example.test", ["Loan 50%"]),
            ("signer_name=son1+te", ["lease annex", "Loan 50%", "Lease"]),
            ("created_after=2026-06-05T10:01:00Z", ["lease annex", "Loan 50%"]),
            ("created_after=2026-06-05T12:01:00+02:00", ["lease annex", "Loan 50%"]),
            ("created_before=2026-06-05T10:00:30", ["Lease"]),
            ("status=in_progress", ["lease annex", "Loan 50%", "Lease"]),
            ("status=finished,cancelled", []),
            ("status=not_sent", []),
            ("page=2&page_size=2", ["Lease"]),
            ("exclude_deleted=true&page=9", []),
        ],
    )
    def test_it_can_be_narrowed(self, names, query, expected):
        assert names(query) == expected

    def test_it_counts_its_pages(self, service, names):
        assert len(names()) == 3
        pagination = service.call("GET", f"{REQUESTS}?page_size=2").json["pagination"]
        assert pagination == {"current_page": 1, "page_size": 2, "total_count": 3, "total_pages": 2}

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("page=0", "page"),
            ("page_size=201", "page_size"),
            ("created_after=yesterday", "created_after"),
            ("sort_by=colour", "sort_by"),
            ("status=lost", "status"),
        ],
    )
    def test_a_senseless_query_is_refused(self, service, query, path):
        answer = service.call("GET", f"{REQUESTS}?{query}")
        assert answer.status_code == 400
        assert answer.json["details"][0]["path"] == [path]


class TestCancel:
    def test_it_ends_the_envelope_and_tells_who_was_asked(self, service):
        envelope_id = service.send(
            recipients=[make_recipient(1), make_recipient(2)], fields=[make_field(1), make_field(2)]
        )
        answer = service.cancel(envelope_id, reason="Wrong draft")
        service.work()
        assert answer.json["signing_request_id"] == envelope_id
        assert answer.json["cancelled_on"] == "2026-06-05T10:00:00.000+00:00"
        assert answer.json["emails_sent"] == 1
        assert service.detail(envelope_id)["status"]["cancelled"] is True
        assert [str(mail["To"]) for mail in service.mails() if "Cancelled" in str(mail["Subject"])] == [
            "Person1 Tester <person1@example.test>"
        ]

    def test_nobody_is_told_when_nobody_should_be(self, service):
        answer = service.cancel(service.send(), notify_signers=False)
        assert answer.json["emails_sent"] == 0
        assert service.work() == 0

    def test_the_setting_counts_too(self, service):
        answer = service.cancel(service.send(settings={"send_cancellation_email": False}))
        assert answer.json["emails_sent"] == 0

    def test_it_needs_no_body(self, service):
        assert service.call("POST", f"{REQUESTS}/{service.send()}/cancel").status_code == 200

    def test_only_an_open_envelope_can_be_cancelled(self, service):
        envelope_id = service.send()
        service.cancel(envelope_id)
        answer = service.cancel(envelope_id)
        assert answer.status_code == 409
        assert answer.json["error"] == "Conflict"

    def test_a_finished_envelope_cannot_be_cancelled(self, service):
        envelope_id = service.send()
        service.sign()
        assert service.cancel(envelope_id).status_code == 409

    def test_a_reason_has_500_characters(self, service):
        envelope_id = service.send()
        assert service.cancel(envelope_id, reason="r" * 501).status_code == 400
        assert service.cancel(envelope_id, reason="r" * 500).status_code == 200

    def test_an_absent_envelope_cannot_be_cancelled(self, service):
        assert service.cancel(ABSENT).status_code == 404

    def test_what_was_sent_cannot_be_deleted(self, service):
        answer = service.call("DELETE", f"{REQUESTS}/{service.send()}")
        assert answer.status_code == 409
        assert answer.json["code"] == "ALREADY_SENT"
        assert service.call("DELETE", f"{REQUESTS}/{ABSENT}").status_code == 404


class TestFiles:
    def test_an_address_works_for_an_hour(self, service, time):
        url = service.detail(service.send())["document_url"]
        time.advance(minutes=59)
        assert service.fetch(url).status_code == 200
        time.advance(minutes=1)
        assert service.fetch(url).status_code == 404

    def test_a_forged_address_does_not_work(self, service):
        url = service.detail(service.send())["document_url"]
        for forged in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("source", "signed"), url + "é", "x"):
            path = forged.removeprefix("https://signer.test")
            assert service.app.test_client().get(path).status_code == 404

    def test_addresses_hold_after_a_restart(self, service, start_service):
        url = service.detail(service.send())["document_url"]
        assert start_service().fetch(url).status_code == 200

    def test_a_file_is_only_ever_downloaded(self, service):
        answer = service.fetch(service.detail(service.send())["document_url"])
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-store"
