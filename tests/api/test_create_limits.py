"""Every limit of a create body, at its edge, just inside and just outside (contract section 3)."""

import json

import pytest

from tests.api.expectations import assert_invalid
from tests.callers import make_anchor, make_body, make_field, make_recipient


def people(count, **overrides):
    return [make_recipient(**overrides) for _ in range(count)]


def address(length):
    """Build an address of that many characters: the parts of a domain name have at most 63."""
    domain = ".".join(["d" * 60] * 3) + ".com"
    return "l" * (length - len(domain) - 1) + "@" + domain


ACCEPTED = {
    "name 1": {"name": "n"},
    "name 255": {"name": "n" * 255},
    "name 255 beyond the BMP": {"name": "\U0001f58b" * 255},
    "name in any script": {"name": "Vertrag für Łódź, 契約, عقد"},
    "name with white space around it": {"name": " n "},
    "recipients 20": {"recipients": people(20)},
    "first name 1": {"recipients": people(1, firstName="J")},
    "first name 100": {"recipients": people(1, firstName="J" * 100)},
    "last name 100": {"recipients": people(1, lastName="D" * 100)},
    "last name 0": {"recipients": people(1, lastName="")},
    "plus in the address": {"recipients": people(1, email="jane+contract@example.co.uk")},
    "address 255": {"recipients": people(1, email=address(255))},
    "the same address twice": {"recipients": people(2, email="same@example.com")},
    "fields 200": {"fields": [make_field()] * 200},
    "anchors 200": {"fields": None, "anchorTags": [make_anchor()] * 200},
    "anchors alone": {"fields": None, "anchorTags": [make_anchor()]},
    "empty fields beside anchors": {"fields": [], "anchorTags": [make_anchor()]},
    "page 3 of 3": {"fields": [make_field(page=3)]},
    "page 3.0": {"fields": [make_field(page=3.0)]},
    "x and y 0": {"fields": [make_field(x=0, y=0)]},
    "x and y 100": {"fields": [make_field(x=100, y=100, width=None, height=None)]},
    "x and y 99.999": {"fields": [make_field(x=99.999, y=99.999, width=0.001, height=0.001)]},
    "x + width exactly 100": {"fields": [make_field(x=70, width=30, y=92, height=8)]},
    "decimals that add up to 100": {"fields": [make_field(x=33.3, width=66.7, y=70.1, height=29.9)]},
    "width and height 100": {"fields": [make_field(x=0, y=0, width=100, height=100)]},
    "anchor text 1": {"anchorTags": [make_anchor(anchorString="x")]},
    "anchor text 200": {"anchorTags": [make_anchor(anchorString="x" * 200)]},
    "anchor text of white space": {"anchorTags": [make_anchor(anchorString=" ")]},
    "anchor size 1000": {"anchorTags": [make_anchor(width=1000, height=1000)]},
    "anchor size 0.1": {"anchorTags": [make_anchor(width=0.1, height=0.1)]},
    "expiration 1": {"expirationHours": 1},
    "expiration 8760": {"expirationHours": 8760},
    "expiration 24.0": {"expirationHours": 24.0},
    "recipient index 1 of 2": {"recipients": people(2), "fields": [make_field(), make_field(recipientIndex=1)]},
    "not required": {"fields": [make_field(required=False)]},
}

REFUSED = {
    "name 0": ({"name": ""}, ["name"]),
    "name 256": ({"name": "n" * 256}, ["name"]),
    "name null": ({"name": False}, ["name"]),
    "recipients 0": ({"recipients": []}, ["recipients"]),
    "recipients 21": ({"recipients": people(21)}, ["recipients"]),
    "recipients no list": ({"recipients": make_recipient()}, ["recipients"]),
    "recipient no object": ({"recipients": ["jane@example.com"]}, ["recipients.0"]),
    "first name 0": ({"recipients": people(1, firstName="")}, ["recipients.0.firstName"]),
    "first name 101": ({"recipients": people(1, firstName="J" * 101)}, ["recipients.0.firstName"]),
    "last name 101": ({"recipients": people(1, lastName="D" * 101)}, ["recipients.0.lastName"]),
    "last name null": ({"recipients": people(1, lastName=None)}, ["recipients.0.lastName"]),
    "address 256": ({"recipients": people(1, email=address(256))}, ["recipients.0.email"]),
    "designation": ({"recipients": people(1, designation="signer")}, ["recipients.0.designation"]),
    "order 0": ({"recipients": people(1, order=0)}, ["recipients.0.order"]),
    "order -1": ({"recipients": people(1, order=-1)}, ["recipients.0.order"]),
    "fields 201": ({"fields": [make_field()] * 201}, ["fields"]),
    "anchors 201": ({"anchorTags": [make_anchor()] * 201}, ["anchorTags"]),
    "fields null": ({"fields": 0}, ["fields"]),
    "recipient index -1": ({"fields": [make_field(recipientIndex=-1)]}, ["fields.0.recipientIndex"]),
    "recipient index 1 of 1": ({"fields": [make_field(recipientIndex=1)]}, ["fields.0.recipientIndex"]),
    "anchor index 1 of 1": ({"anchorTags": [make_anchor(recipientIndex=1)]}, ["anchorTags.0.recipientIndex"]),
    "field type": ({"fields": [make_field(type="initials")]}, ["fields.0.type"]),
    "anchor type": ({"anchorTags": [make_anchor(type="initial")]}, ["anchorTags.0.type"]),
    "anchor dropdown": ({"anchorTags": [make_anchor(type="dropdown")]}, ["anchorTags.0.type"]),
    "page 0": ({"fields": [make_field(page=0)]}, ["fields.0.page"]),
    "page 4 of 3": ({"fields": [make_field(), make_field(page=4)]}, ["fields.1.page"]),
    "x -0.001": ({"fields": [make_field(x=-0.001)]}, ["fields.0.x"]),
    "y -0.001": ({"fields": [make_field(y=-0.001)]}, ["fields.0.y"]),
    "x 100.001": ({"fields": [make_field(x=100.001, width=None)]}, ["fields.0.x"]),
    "y 100.001": ({"fields": [make_field(y=100.001, height=None)]}, ["fields.0.y"]),
    "width 0": ({"fields": [make_field(width=0)]}, ["fields.0.width"]),
    "height 0": ({"fields": [make_field(height=0)]}, ["fields.0.height"]),
    "width 100.001": ({"fields": [make_field(x=0, width=100.001)]}, ["fields.0.width"]),
    "height 100.001": ({"fields": [make_field(y=0, height=100.001)]}, ["fields.0.height"]),
    "x + width over 100": ({"fields": [make_field(x=70, width=30.001)]}, ["fields.0.width"]),
    "y + height over 100": ({"fields": [make_field(y=92, height=8.001)]}, ["fields.0.height"]),
    "anchor text 0": ({"anchorTags": [make_anchor(anchorString="")]}, ["anchorTags.0.anchorString"]),
    "anchor text 201": ({"anchorTags": [make_anchor(anchorString="x" * 201)]}, ["anchorTags.0.anchorString"]),
    "anchor width 0": ({"anchorTags": [make_anchor(width=0)]}, ["anchorTags.0.width"]),
    "anchor height 0": ({"anchorTags": [make_anchor(height=0)]}, ["anchorTags.0.height"]),
    "anchor width 1000.1": ({"anchorTags": [make_anchor(width=1000.1)]}, ["anchorTags.0.width"]),
    "anchor height 1000.1": ({"anchorTags": [make_anchor(height=1000.1)]}, ["anchorTags.0.height"]),
    "expiration 0": ({"expirationHours": 0}, ["expirationHours"]),
    "expiration 8761": ({"expirationHours": 8761}, ["expirationHours"]),
    "render id": ({"renderId": "order-1"}, ["renderId"]),
    "render id with underscore": ({"renderId": "0193c2c3-1111-7aaa-8bbb-0000000000_1"}, ["renderId"]),
    "render id as URN": ({"renderId": "urn:uuid:0193c2c3-1111-7aaa-8bbb-000000000001"}, ["renderId"]),
    "render id 12": ({"renderId": 12}, ["renderId"]),
}


def without_nones(value):
    """An override of None in a field leaves it out, as in `make_body`."""
    return [{name: member for name, member in entry.items() if member is not None} for entry in value]


def send(desk, overrides):
    body = make_body(desk.render_id, **overrides)
    if isinstance(body.get("fields"), list):
        body["fields"] = without_nones(body["fields"])
    return desk.api.post("/v1/signatures", json=body)


@pytest.mark.parametrize("overrides", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_within_the_limits_is_sent(desk, overrides):
    answer = send(desk, overrides)

    assert answer.status_code == 201, answer.json


@pytest.mark.parametrize(("overrides", "paths"), REFUSED.values(), ids=REFUSED)
def test_what_is_beyond_a_limit_is_refused(desk, overrides, paths):
    calls = list(desk.signing.calls)
    assert_invalid(send(desk, overrides), *paths)
    assert desk.signing.calls == calls


WHOLE_NUMBERS = ("recipients.0.order", "fields.0.recipientIndex", "fields.0.page", "anchorTags.0.recipientIndex")
NUMBERS = ("fields.0.x", "fields.0.y", "fields.0.width", "fields.0.height", "anchorTags.0.width", "anchorTags.0.height")
BOOLEANS = ("fields.0.required", "anchorTags.0.required", "anchorTags.0.ignoreIfNotPresent")
TEXTS = ("name", "recipients.0.firstName", "recipients.0.lastName", "recipients.0.email", "fields.0.type")


def with_literal(render_id, path, literal):
    """Return a valid body, as bytes, with this literal at one place."""
    body = make_body(render_id, recipients=[make_recipient(order=1)], anchorTags=[make_anchor()])
    *parents, last = path.split(".")
    parent = body
    for name in parents:
        parent = parent[int(name) if name.isdigit() else name]
    parent[last] = "@@"
    return json.dumps(body).replace('"@@"', literal).encode()


@pytest.mark.parametrize("literal", ["1.5", "true", '"1"', "null", "[1]", "{}", "1e999", "-1e999"])
@pytest.mark.parametrize("path", [*WHOLE_NUMBERS, "expirationHours"])
def test_what_is_no_whole_number_is_refused(desk, path, literal):
    assert_invalid(desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path, literal)), path)


@pytest.mark.parametrize("literal", ["true", '"1"', "null", "[1]", "1e999", "-1e999", "1" + "0" * 400])
@pytest.mark.parametrize("path", NUMBERS)
def test_what_is_no_finite_number_is_refused(desk, path, literal):
    assert_invalid(desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path, literal)), path)


@pytest.mark.parametrize("literal", ["1", "0", '"true"', "null"])
@pytest.mark.parametrize("path", BOOLEANS)
def test_what_is_neither_true_nor_false_is_refused(desk, path, literal):
    assert_invalid(desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path, literal)), path)


@pytest.mark.parametrize("literal", ["1", "true", "null", '["a"]', "{}"])
@pytest.mark.parametrize("path", TEXTS)
def test_what_is_no_text_is_refused(desk, path, literal):
    assert_invalid(desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path, literal)), path)


@pytest.mark.parametrize("path", [*WHOLE_NUMBERS, "expirationHours"])
@pytest.mark.parametrize("literal", ["1" + "0" * 30, "1" + "0" * 4000, "1e300"], ids=["1e30", "4001 digits", "1e300"])
def test_a_huge_whole_number_is_refused(desk, path, literal):
    answer = desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path, literal))

    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("path", ["", "recipients.0.", "fields.0.", "anchorTags.0."])
def test_an_unknown_member_is_refused_wherever_it_stands(desk, path):
    answer = desk.api.post("/v1/signatures", data=with_literal(desk.render_id, path + "unknown", "1"))

    assert assert_invalid(answer, path + "unknown") == {path + "unknown": ["Unknown field."]}


@pytest.mark.parametrize("name", ["anchortags", "anchor_tags", "render_id", "json", "query"])
def test_a_typo_is_an_unknown_member(desk, name):
    assert_invalid(desk.api.post("/v1/signatures", json=make_body(desk.render_id) | {name: []}), name)


@pytest.mark.parametrize("path", ["renderId", "recipients"])
def test_a_missing_member_is_named(desk, path):
    assert_invalid(desk.api.post("/v1/signatures", json=make_body(desk.render_id, **{path: None})), path)


@pytest.mark.parametrize(
    ("where", "name"),
    [("recipients", "firstName"), ("recipients", "email")]
    + [("fields", name) for name in ("recipientIndex", "type", "page", "x", "y")]
    + [("anchorTags", name) for name in ("anchorString", "type", "recipientIndex")],
)
def test_a_missing_member_of_an_entry_is_named(desk, where, name):
    body = make_body(desk.render_id, anchorTags=[make_anchor()])
    del body[where][0][name]

    assert_invalid(desk.api.post("/v1/signatures", json=body), f"{where}.0.{name}")
