"""What exactly is sent to the signing service for an envelope."""

from uuid import UUID

import pytest

from app.domain.errors import InvalidRequest
from app.domain.ports import Box, Designation, PageSize
from app.gateways.signing.mapping import envelope_body
from tests.gateways.envelopes import LETTER, REFERENCE, make_anchor, make_draft, make_field, make_recipient


def fields_of(**overrides):
    return envelope_body(make_draft(**overrides))["fields"]


def positions_of(*fields):
    return [field["position"] for field in fields_of(fields=fields)]


def match_at(page=1, x=10.0, y=20.0):
    return Box(page=page, x=x, y=y, width=8.0, height=1.5)


def test_a_code_by_email_is_asked_for_only_when_it_is_wanted():
    assert envelope_body(make_draft(require_code=True))["settings"]["require_otp_verification"] is True
    assert "require_otp_verification" not in envelope_body(make_draft())["settings"]


def test_a_whole_envelope_is_written_like_this():
    draft = make_draft(
        document=b"%PDF-1.7",
        recipients=(
            make_recipient(),
            make_recipient(
                first_name="Bo", last_name=None, email="bo@example.test", designation=Designation.CC, order=2
            ),
        ),
        fields=(make_field(width=30.0, height=8.0),),
        anchors=(make_anchor(matches=(match_at(),), width=180.0, height=40.0),),
    )

    assert envelope_body(draft) == {
        "name": "Lease",
        "description": "ref:0193c2c3-2222-7aaa-8bbb-000000000002",
        "document": "JVBERi0xLjc=",
        "expiration_hours": 168,
        "recipients": [
            {
                "id": "temp_1",
                "first_name": "Ana",
                "last_name": "Ruiz",
                "email": "ana@example.test",
                "designation": "Signer",
                "order": 1,
            },
            {"id": "temp_2", "first_name": "Bo", "email": "bo@example.test", "designation": "CC", "order": 2},
        ],
        "fields": [
            {
                "recipient_id": "temp_1",
                "type": "signature",
                "page_number": 1,
                "position": {"x": 10.0, "y": 80.0, "width": 30.0, "height": 8.0},
                "required": True,
            }
        ],
        "anchor_tags": [
            {
                "anchor_string": "{{SIGN_1}}",
                "type": "signature",
                "recipient_id": "temp_1",
                "width": 29.4118,
                "height": 5.0505,
                "required": True,
                "ignore_if_not_present": False,
                "occurrence": 0,
                "case_sensitive": True,
                "match_whole_word": False,
                "remove_anchor_text": True,
            }
        ],
        "settings": {
            "use_signing_order": True,
            "send_signing_email": True,
            "send_finish_email": True,
            "send_expiration_email": True,
            "send_cancellation_email": True,
            "allow_download": True,
            "attach_pdf_on_finish": True,
            "hand_drawn_only": False,
        },
    }


def test_an_uploaded_document_is_named_and_not_included():
    body = envelope_body(make_draft(), document_id="doc-1")

    assert body["document_id"] == "doc-1"
    assert "document" not in body


def test_a_name_is_cut_to_what_the_service_takes():
    assert envelope_body(make_draft(name="n" * 300))["name"] == "n" * 255


def test_an_empty_last_name_is_left_out():
    body = envelope_body(make_draft(recipients=(make_recipient(last_name=""),)))

    assert "last_name" not in body["recipients"][0]


def test_lists_without_entries_are_left_out():
    body = envelope_body(make_draft(fields=()))

    assert not {"fields", "anchor_tags"} & body.keys()


@pytest.mark.parametrize(
    ("kind", "width", "height"),
    [
        ("signature", 25.0, 5.0),
        ("initial", 10.0, 5.0),
        ("date", 20.0, 3.0),
        ("text", 20.0, 3.0),
        ("text_area", 20.0, 3.0),
        ("dropdown", 20.0, 3.0),
        ("checkbox", 3.0, 3.0),
        ("radio_buttons", 3.0, 3.0),
    ],
)
def test_a_field_without_a_size_gets_the_one_of_its_type(kind, width, height):
    assert positions_of(make_field(type=kind, x=1.5, y=2.5)) == [{"x": 1.5, "y": 2.5, "width": width, "height": height}]


def test_one_given_side_is_kept():
    assert positions_of(make_field(width=12.0)) == [{"x": 10.0, "y": 80.0, "width": 12.0, "height": 5.0}]


@pytest.mark.parametrize("corner", [80.0, 99.0, 100.0])
def test_a_default_size_near_the_edge_stays_on_the_page(corner):
    box = positions_of(make_field(x=corner, y=corner))[0]

    assert (box["width"], box["height"]) == (25.0, 5.0)
    assert box["x"] == 75.0
    assert box["y"] == min(corner, 95.0)


def test_rounding_never_leads_off_the_page():
    box = positions_of(make_field(x=66.66666, y=33.33333, width=33.33334, height=66.66667))[0]

    assert box["x"] + box["width"] <= 100
    assert box["y"] + box["height"] <= 100


def test_an_optional_field_says_so():
    assert fields_of(fields=(make_field(required=False),))[0]["required"] is False


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [("signature", "approval_signature"), ("checkbox", "approval_checkmark"), ("date", "approval_date")],
)
def test_an_approver_has_types_of_their_own(kind, theirs):
    people = (make_recipient(), make_recipient(designation=Designation.APPROVER, order=2))
    body = envelope_body(
        make_draft(
            recipients=people,
            fields=(make_field(type=kind, recipient_index=1),),
            anchors=(make_anchor(type=kind, recipient_index=1),),
        )
    )

    assert (body["fields"][0]["type"], body["anchor_tags"][0]["type"]) == (theirs, theirs)
    assert body["fields"][0]["recipient_id"] == "temp_2"


def test_an_approver_cannot_fill_in_text():
    approver = make_recipient(designation=Designation.APPROVER)

    with pytest.raises(InvalidRequest, match="approver"):
        envelope_body(make_draft(recipients=(approver,), fields=(make_field(type="text"),)))


def test_a_dropdown_carries_its_options():
    field = fields_of(fields=(make_field(type="dropdown", options=("Red", "Blue")),))[0]

    assert field["dropdown_options"] == ["Red", "Blue"]


def test_a_dropdown_without_options_sends_none():
    assert "dropdown_options" not in fields_of(fields=(make_field(type="dropdown"),))[0]


def group_ids(*fields, **overrides):
    people = (make_recipient(), make_recipient(email="bo@example.test", order=2))
    written = fields_of(recipients=people, pages=(LETTER, LETTER), fields=fields, **overrides)
    return [UUID(field["multi_group_id"]) for field in written]


def radio(**overrides):
    return make_field(type="radio_buttons", **overrides)


def test_radio_buttons_of_one_group_share_an_id():
    red, also_red, blue, of_another = group_ids(
        radio(group="red"), radio(group="red", page=2), radio(group="blue"), radio(group="red", recipient_index=1)
    )

    assert red == also_red
    assert len({red, blue, of_another}) == 3


def test_radio_buttons_without_a_group_share_one_per_person_and_page():
    first, second, other_page, other_person = group_ids(radio(), radio(y=10.0), radio(page=2), radio(recipient_index=1))

    assert first == second
    assert len({first, other_page, other_person}) == 3


def test_a_group_named_like_a_page_is_not_that_page():
    named, unnamed = group_ids(radio(group="1"), radio())

    assert named != unnamed


def test_two_envelopes_share_no_group():
    other = UUID("0193c2c3-2222-7aaa-8bbb-000000000003")

    assert group_ids(radio(group="red")) != group_ids(radio(group="red"), reference=other)
    assert group_ids(radio(group="red")) == group_ids(radio(group="red"), reference=REFERENCE)


def test_points_become_percent_of_the_page_of_the_first_match():
    anchor = make_anchor(matches=(match_at(page=2), match_at(page=1)), width=100.0, height=50.0)
    pages = (LETTER, PageSize(width=1000, height=200))

    tag = envelope_body(make_draft(pages=pages, anchors=(anchor,)))["anchor_tags"][0]

    assert (tag["width"], tag["height"]) == (10.0, 25.0)


def test_an_anchor_without_a_match_is_measured_on_the_first_page():
    anchor = make_anchor(width=61.2, ignore_if_not_present=True)

    tag = envelope_body(make_draft(anchors=(anchor,)))["anchor_tags"][0]

    assert tag["width"] == 10.0
    assert "height" not in tag
    assert tag["ignore_if_not_present"] is True


def test_an_anchor_larger_than_the_page_fills_it():
    tag = envelope_body(make_draft(anchors=(make_anchor(width=1000.0, height=1000.0),)))["anchor_tags"][0]

    assert (tag["width"], tag["height"]) == (100.0, 100.0)


def test_anchors_keep_their_own_word_for_initials():
    assert envelope_body(make_draft(anchors=(make_anchor(type="initials"),)))["anchor_tags"][0]["type"] == "initials"


def test_the_anchors_that_the_service_does_not_take_become_fields_at_their_matches():
    extra = make_anchor(
        type="initials", required=False, width=61.2, matches=(match_at(page=2, x=97.0, y=99.5), match_at(page=1))
    )
    pages = (LETTER, PageSize(width=306, height=792))

    body = envelope_body(make_draft(pages=pages, fields=(), anchors=(make_anchor(),) * 100 + (extra,)))

    assert len(body["anchor_tags"]) == 100
    assert body["fields"] == [
        {
            "recipient_id": "temp_1",
            "type": "initial",
            "page_number": 2,
            "position": {"x": 80.0, "y": 95.0, "width": 20.0, "height": 5.0},
            "required": False,
        },
        {
            "recipient_id": "temp_1",
            "type": "initial",
            "page_number": 1,
            "position": {"x": 10.0, "y": 20.0, "width": 10.0, "height": 5.0},
            "required": False,
        },
    ]
