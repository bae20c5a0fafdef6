"""What a create body may say beyond its limits: text, orders, who can have which field, and the defaults."""

import itertools

import pytest

from tests.api.expectations import assert_invalid
from tests.builders.pdfs import make_pdf
from tests.callers import ANCHOR, make_anchor, make_body, make_field, make_recipient

# --- Text ------------------------------------------------------------------------------------------------------------

CONTROLS = ["\x00", "\x01", "\n", "\r", "\t", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\u2028", "\u2029"]
SURROGATES = ["\ud800", "\udfff"]


@pytest.mark.parametrize("control", [*CONTROLS, *SURROGATES], ids=lambda text: f"U+{ord(text):04X}")
@pytest.mark.parametrize("path", ["name", "recipients.0.firstName", "recipients.0.lastName", "recipients.0.email"])
def test_control_characters_are_refused_in_names_and_addresses(desk, path, control):
    text = f"ja{control}ne@example.com"
    member = path.rpartition(".")[2]
    body = make_body(desk.render_id, name=text) if path == "name" else make_body(desk.render_id)
    if path != "name":
        body["recipients"] = [make_recipient(**{member: text})]

    assert_invalid(desk.api.post("/v1/signatures", json=body), path)


@pytest.mark.parametrize("blank", [" ", "   ", "\u00a0", "\u3000"], ids=ascii)
@pytest.mark.parametrize("path", ["name", "recipients.0.firstName"])
def test_a_name_of_white_space_is_refused(desk, path, blank):
    overrides = {"name": blank} if path == "name" else {"recipients": [make_recipient(firstName=blank)]}

    assert_invalid(desk.create(**overrides), path)


def test_text_is_not_trimmed(desk):
    created = desk.api.created(
        renderId=desk.render_id, name=" Charter ", recipients=[make_recipient(firstName=" Jane ")]
    )

    assert created["name"] == " Charter "
    assert created["recipients"][0]["firstName"] == " Jane "


@pytest.mark.parametrize(
    "email",
    [
        "",
        "jane",
        "jane@",
        "@example.com",
        "jane@example",
        "jane doe@example.com",
        "jane@exa mple.com",
        "jane@@example.com",
        "jane@example.com, joe@example.com",
        "Jane <jane@example.com>",
        "jane@example..com",
        "jane@-example.com",
        ".jane@example.com",
        "jane.@example.com",
        " jane@example.com",
        "jane@example.com ",
    ],
)
def test_what_is_no_address_is_refused(desk, email):
    assert_invalid(desk.create(recipients=[make_recipient(email=email)]), "recipients.0.email")


def test_an_anchor_text_with_half_a_character_is_refused(desk):
    assert_invalid(
        desk.create(anchorTags=[make_anchor(anchorString="\ud800")]),
        "anchorTags.0.anchorString",
    )


# --- The signing order -----------------------------------------------------------------------------------------------


def orders(*given):
    return [make_recipient(**({} if order is None else {"order": order})) for order in given]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
def test_the_orders_may_be_any_permutation(desk, order):
    created = desk.created(recipients=orders(*order))

    assert [person["order"] for person in created["recipients"]] == list(order)


@pytest.mark.parametrize(
    ("given", "filled"),
    [((None, None, None), [1, 2, 3]), ((1, None, 3), [1, 2, 3]), ((3, None, 1), [3, 2, 1]), ((None, 2), [1, 2])],
)
def test_gaps_in_the_orders_are_filled_with_the_place_in_the_array(desk, given, filled):
    created = desk.created(recipients=orders(*given))

    assert [person["order"] for person in created["recipients"]] == filled


@pytest.mark.parametrize("given", [(1, 1), (2, 3), (1, 3), (2, None), (None, 1), (2,), (1, 2, 2), (21,)])
def test_orders_that_are_no_permutation_are_refused(desk, given):
    assert_invalid(desk.create(recipients=orders(*given)))


# --- Who can have which field ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("placed", ["fields", "anchorTags"])
def test_nothing_is_placed_for_who_only_gets_a_copy(desk, placed):
    people = [make_recipient(), make_recipient(designation="CC")]
    entry = {"fields": make_field, "anchorTags": make_anchor}[placed](recipientIndex=1)

    answer = desk.create(recipients=people, **{placed: [entry]})

    assert_invalid(answer, f"{placed}.0.recipientIndex")


def test_who_only_gets_a_copy_may_be_on_the_request(desk):
    created = desk.created(recipients=[make_recipient(), make_recipient(designation="CC")])

    assert [person["designation"] for person in created["recipients"]] == ["Signer", "CC"]


FIELD_TYPES = ["signature", "initial", "text", "date", "checkbox", "dropdown", "radio_buttons", "text_area"]
OF_AN_APPROVER = {"signature", "checkbox", "date"}


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_a_signer_can_have_every_type_of_field(desk, kind):
    assert desk.create(fields=[make_field(type=kind)]).status_code == 201


@pytest.mark.parametrize("kind", ["signature", "initials", "text", "date", "checkbox"])
def test_a_signer_can_have_every_type_of_anchor(desk, kind):
    assert desk.create(anchorTags=[make_anchor(type=kind)]).status_code == 201


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_an_approver_can_have_only_what_an_approver_can_fill_in(desk, kind):
    people = [make_recipient(), make_recipient(designation="Approver")]

    answer = desk.api.create(
        renderId=desk.render_id, recipients=people, fields=[make_field(type=kind, recipientIndex=1)]
    )

    if kind in OF_AN_APPROVER:
        assert answer.status_code == 201
    else:
        assert_invalid(answer, "fields.0.type")


@pytest.mark.parametrize("empty", [{"fields": None}, {"fields": []}, {"fields": [], "anchorTags": []}])
def test_a_signer_needs_something_to_sign(desk, empty):
    assert_invalid(desk.create(**empty))


def test_somebody_has_to_sign(desk):
    """The signing service takes nothing without a signer (provider fact sheet, section 17)."""
    people = [make_recipient(designation="Approver"), make_recipient(designation="CC")]

    assert_invalid(desk.create(recipients=people))


@pytest.mark.parametrize("options", [["a"], ["a" * 200], [str(number) for number in range(100)]])
def test_a_dropdown_may_have_1_to_100_options(desk, options):
    assert desk.create(fields=[make_field(type="dropdown", options=options)]).status_code == 201


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ([], "fields.0.options"),
        (["a"] * 101, "fields.0.options"),
        ([""], "fields.0.options.0"),
        (["a", "a" * 201], "fields.0.options.1"),
        ([1], "fields.0.options.0"),
        ("a", "fields.0.options"),
    ],
)
def test_options_beyond_their_limits_are_refused(desk, options, path):
    assert_invalid(desk.create(fields=[make_field(type="dropdown", options=options)]), path)


def test_only_a_dropdown_has_options(desk):
    assert_invalid(desk.create(fields=[make_field(options=["a"])]), "fields.0.options")


@pytest.mark.parametrize(("group", "status"), [("g", 201), ("g" * 100, 201), ("g" * 101, 400), ("", 400)])
def test_the_group_of_radio_buttons_has_1_to_100_characters(desk, group, status):
    answer = desk.create(fields=[make_field(type="radio_buttons", group=group)])

    assert answer.status_code == status


def test_only_radio_buttons_have_a_group(desk):
    assert_invalid(desk.create(fields=[make_field(group="g")]), "fields.0.group")


# --- What only the document tells ------------------------------------------------------------------------------------


def test_an_anchor_that_is_nowhere_is_refused(api, signing):
    answer = api.create(anchorTags=[make_anchor(), make_anchor(anchorString="{{nowhere}}")])

    assert_invalid(answer, "anchorTags.1.anchorString")
    assert signing.calls == []


def test_an_anchor_that_may_be_absent_is_sent_without_a_place(api, signing):
    api.created(anchorTags=[make_anchor(anchorString="{{nowhere}}", ignoreIfNotPresent=True)])

    (anchor,) = signing.only().draft.anchors
    assert anchor.ignore_if_not_present
    assert anchor.matches == ()


def test_an_anchor_is_found_wherever_its_text_stands(api, signing):
    api.created(renderId=api.upload(make_pdf(pages=3, text=ANCHOR)), anchorTags=[make_anchor()])

    (anchor,) = signing.only().draft.anchors
    assert [box.page for box in anchor.matches] == [1, 2, 3]


def test_an_anchor_matches_its_case(api):
    assert_invalid(api.create(anchorTags=[make_anchor(anchorString=ANCHOR.upper())]), "anchorTags.0.anchorString")


# --- Defaults --------------------------------------------------------------------------------------------------------


def test_what_is_not_said_gets_its_default(desk):
    created = desk.created(name=None, recipients=[make_recipient(lastName="Doe")])

    assert created["name"] == f"Signature request {desk.render_id[:8]}"
    assert created["expirationHours"] == 168
    assert created["recipients"][0]["designation"] == "Signer"
    assert created["recipients"][0]["order"] == 1
    draft = last_draft(desk)
    assert draft.expiration_hours == 168
    assert draft.fields[0].required
    assert not draft.require_code


def last_draft(desk):
    return list(desk.signing.envelopes.values())[-1].draft


def test_a_code_by_email_can_be_asked_for(desk):
    desk.created(requireCode=True)
    assert last_draft(desk).require_code


@pytest.mark.parametrize("value", [0, 1, "true", []])
def test_a_code_is_asked_for_with_true_or_false(desk, value):
    assert_invalid(desk.create(requireCode=value), "requireCode")


def test_a_last_name_is_shown_only_if_it_was_given(desk):
    anonymous = {"firstName": "Prince", "email": "prince@example.com"}

    created = desk.created(recipients=[anonymous, make_recipient(lastName="")])

    assert "lastName" not in created["recipients"][0]
    assert created["recipients"][1]["lastName"] == ""


def test_an_id_is_understood_in_upper_case(desk):
    assert desk.api.created(renderId=desk.render_id.upper())["renderId"] == desk.render_id
