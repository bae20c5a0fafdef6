"""`/openapi.json` is valid and complete. Every answer in all tests is held against it (`tests/described.py`)."""

import json
import re

import pytest
from flask import Flask
from openapi_spec_validator import validate

from app.api.errors import CODE_BY_STATUS, STATUS_BY_ERROR
from app.domain.events import TEST_EVENT, Event
from tests.callers import ABSENT
from tests.described import description, validator_for

#: Not part of the API: the description itself, and what operators read.
UNDESCRIBED = {"/openapi.json", "/docs", "/docs/<path:name>", "/metrics"}


def operations():
    return {
        (method, path): operation
        for path, item in description()["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_it_is_served_to_everybody_as_valid_openapi_3_1(app):
    answer = app.test_client().get("/openapi.json")

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["servers"] == [{"url": "https://sign.test"}]
    validate(answer.json)


def test_it_is_not_sent_again_to_who_has_it(app):
    client = app.test_client()
    etag = client.get("/openapi.json").headers["ETag"]

    answer = client.get("/openapi.json", headers={"If-None-Match": etag})

    assert answer.status_code == 304
    assert answer.get_data() == b""


def test_every_route_and_method_is_in_it(app: Flask):
    routes = {
        (method.lower(), re.sub(r"<\w+:\w+>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule not in UNDESCRIBED
    }

    assert {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in operations()} == routes


def test_every_code_is_in_it():
    text = json.dumps(description()["components"]["responses"]) + description()["info"]["description"]
    codes = {kind.code for kind in STATUS_BY_ERROR} | {code for code, _ in CODE_BY_STATUS.values()}

    assert [code for code in sorted(codes) if code not in text] == []


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does():
    names = [operation["operationId"] for operation in operations().values()]

    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations().values())


def test_every_json_body_has_an_example_that_is_valid():
    medias = [
        (name, media)
        for name, operation in operations().items()
        for holder in [operation.get("requestBody", {}), *operation["responses"].values()]
        for kind, media in holder.get("content", {}).items()
        if kind == "application/json"
    ]
    medias += [
        (name, item["post"]["requestBody"]["content"]["application/json"])
        for name, item in description()["webhooks"].items()
    ]
    medias += [
        (name, response["content"]["application/json"])
        for name, response in description()["components"]["responses"].items()
    ]

    for name, media in medias:
        named = [each["value"] for each in media.get("examples", {}).values()]
        examples = [media["example"]] if "example" in media else named
        assert examples or name == ("post", "/hooks/signing-provider"), name
        for example in examples:
            assert not list(validator_for(media["schema"]).iter_errors(example)), name


# --- What the schemas say --------------------------------------------------------------------------------------------


def test_inputs_are_closed_and_answers_say_what_is_always_there():
    schemas = description()["components"]["schemas"]

    assert schemas["SignatureCreate"]["additionalProperties"] is False
    assert len(schemas["Signature"]["properties"]) == 11
    assert set(schemas["Signature"]["required"]) == set(schemas["Signature"]["properties"])
    assert schemas["Signature"]["properties"]["errorMessage"]["type"] == ["string", "null"]


def test_limits_of_the_validation_are_in_the_schemas():
    schemas = description()["components"]["schemas"]
    person, placed = schemas["RecipientCreate"]["properties"], schemas["FieldCreate"]["properties"]

    assert (person["firstName"]["minLength"], person["firstName"]["maxLength"]) == (1, 100)
    assert person["email"]["format"] == "email"
    assert person["designation"] == {"type": "string", "enum": ["Signer", "Approver", "CC"], "default": "Signer"}
    assert placed["width"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
    assert schemas["SignatureCreate"]["properties"]["renderId"]["format"] == "uuid"


@pytest.mark.parametrize("name", ["\u0000", " ", "a\u2028b", "", "\t"])
def test_a_name_that_is_refused_does_not_fit_the_schema(api, name):
    body = {"name": name, "renderId": ABSENT, "recipients": [{"firstName": "Jane", "email": "jane@example.com"}]}
    schema = description()["paths"]["/v1/signatures"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert api.post("/v1/signatures", json=body).status_code == 400
    assert {error.path[0] for error in validator_for(schema).iter_errors(body)} == {"name"}


# --- What is sent to the projects' servers ---------------------------------------------------------------------------


def test_every_event_is_in_it():
    assert set(description()["webhooks"]) == {*Event, TEST_EVENT}


# --- The check itself ------------------------------------------------------------------------------------------------


def test_an_answer_that_is_not_described_is_noticed(api, monkeypatch):
    monkeypatch.delitem(description()["paths"]["/v1/signatures/{requestId}"]["get"]["responses"], "404")

    with pytest.raises(AssertionError, match="status 404 is not described"):
        api.get(f"/v1/signatures/{ABSENT}")


def test_a_code_that_is_not_described_is_noticed(api, monkeypatch):
    responses = description()["paths"]["/v1/signatures"]["post"]["responses"]
    monkeypatch.setitem(responses, "404", responses["402"])

    with pytest.raises(AssertionError, match="not_found"):
        api.create(renderId=ABSENT)


def test_a_member_that_is_not_described_is_noticed(api, monkeypatch):
    monkeypatch.delitem(description()["components"]["schemas"]["Render"]["properties"], "pageCount")

    with pytest.raises(AssertionError, match="pageCount"):
        api.get("/v1/renders/" + api.upload())


def test_a_header_that_is_not_described_is_noticed(app, api):
    app.after_request(lambda answer: answer.headers.setdefault("X-New", "1") and answer)

    with pytest.raises(AssertionError, match="header X-New is not described"):
        api.get("/v1/signatures")
