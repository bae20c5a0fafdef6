"""Renders that are reserved and delivered later (contract section 3)."""

import pytest

from tests.api.expectations import assert_invalid, assert_refused
from tests.builders.pdfs import make_pdf
from tests.callers import ABSENT

PDF = "application/pdf"
MIB = 1024 * 1024


def reserve(api, **headers):
    return api.post("/v1/renders", json={}, headers=headers)


def deliver(api, render_id, content, content_type=PDF):
    return api.put(f"/v1/renders/{render_id}/pdf", data=content, content_type=content_type)


def fail(api, render_id, message="The template is broken."):
    return api.post(f"/v1/renders/{render_id}/fail", json={"errorMessage": message})


def test_a_reserved_render_is_queued(api):
    answer = reserve(api)

    assert answer.status_code == 202
    assert answer.json["status"] == "queued"
    assert [answer.json[name] for name in ("downloadUrl", "completedAt", "durationMs", "pageCount")] == [None] * 4
    assert answer.headers["Location"] == answer.json["pollUrl"]


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "invalid_json"), (b"{", "invalid_json"), (b"[]", "invalid_request"), (b'{"name": "a"}', "invalid_request")],
)
def test_only_an_empty_object_reserves(api, body, code):
    assert_refused(api.post("/v1/renders", data=body, content_type="application/json"), 400, code)


def test_a_reserving_body_over_1_mib_is_413(api):
    answer = api.post("/v1/renders", data=b" " * (MIB + 1), content_type="application/json")

    assert_refused(answer, 413, "request_too_large")


def test_a_delivered_pdf_makes_the_render_succeed(api, time):
    reserved = reserve(api).json
    time.advance(seconds=1.5)

    answer = deliver(api, reserved["id"], make_pdf(pages=2))

    assert answer.status_code == 200
    assert answer.json == reserved | {
        "status": "succeeded",
        "downloadUrl": f"{reserved['pollUrl']}/download",
        "completedAt": "2026-06-05T10:00:01.500Z",
        "durationMs": 1500,
        "pageCount": 2,
    }


def test_a_second_delivery_is_409_and_changes_nothing(api):
    render_id = reserve(api).json["id"]
    delivered = deliver(api, render_id, make_pdf()).json

    assert_refused(deliver(api, render_id, make_pdf(pages=2)), 409, "conflict")
    assert api.get(f"/v1/renders/{render_id}").json == delivered


def test_a_refused_delivery_leaves_it_queued(api):
    reserved = reserve(api).json

    assert_invalid(deliver(api, reserved["id"], b"rubbish"))
    assert api.get(f"/v1/renders/{reserved['id']}").json == reserved
    assert deliver(api, reserved["id"], make_pdf()).status_code == 200


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data; boundary=x"])
def test_a_delivery_of_another_kind_is_415(api, content_type):
    render_id = reserve(api).json["id"]

    assert_refused(deliver(api, render_id, make_pdf(), content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("message", ["m", "m" * 500])
def test_a_failed_render_says_why(api, time, message):
    reserved = reserve(api).json
    time.advance(seconds=2)

    answer = fail(api, reserved["id"], message)

    assert answer.status_code == 200
    assert answer.json == reserved | {
        "status": "failed",
        "errorMessage": message,
        "completedAt": "2026-06-05T10:00:02.000Z",
        "durationMs": 2000,
    }


@pytest.mark.parametrize("message", ["", "m" * 501, 1, None])
def test_the_reason_of_a_failure_has_1_to_500_characters(api, message):
    assert_invalid(fail(api, reserve(api).json["id"], message), "errorMessage")


def test_nothing_is_done_before_it_was_asked_for(api, time):
    api.post("/v1/renders", json={})
    second = api.post("/v1/renders", json={}).json  # In the same moment, so its time is put a millisecond ahead.

    answer = api.post(f"/v1/renders/{second['id']}/fail", json={"errorMessage": "The pipeline broke."})

    assert answer.json["durationMs"] == 0


def test_what_has_its_outcome_can_neither_fail_nor_be_delivered(api):
    uploaded, failed = api.upload(), reserve(api).json["id"]
    fail(api, failed)

    for render_id in (uploaded, failed):
        before = api.get(f"/v1/renders/{render_id}").json
        assert_refused(fail(api, render_id), 409, "conflict")
        assert_refused(deliver(api, render_id, make_pdf()), 409, "conflict")
        assert api.get(f"/v1/renders/{render_id}").json == before


def test_what_is_not_there_is_404(api):
    assert_refused(deliver(api, ABSENT, make_pdf()), 404, "not_found")
    assert_refused(fail(api, ABSENT), 404, "not_found")
    assert_refused(api.get(f"/v1/renders/{ABSENT}/download"), 404, "not_found")


@pytest.mark.parametrize("status", ["queued", "failed"])
def test_a_render_without_a_pdf_cannot_be_downloaded(api, status):
    render_id = reserve(api).json["id"]
    if status == "failed":
        fail(api, render_id)

    assert_refused(api.get(f"/v1/renders/{render_id}/download"), 409, "conflict")
