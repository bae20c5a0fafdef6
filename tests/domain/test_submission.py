"""The rules that span the members of a create request."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidRequest
from app.domain.ports import Designation, EnvelopeField, EnvelopeRecipient
from app.domain.submission import AnchorTag, Submission, check
from tests.callers import ABSENT


def recipient(order=1, designation=Designation.SIGNER):
    return EnvelopeRecipient(
        first_name="Jane", last_name=None, email="jane@example.com", designation=designation, order=order
    )


def placed(**overrides):
    return EnvelopeField(**{"recipient_index": 0, "type": "signature", "page": 1, "x": 10, "y": 10} | overrides)


def make_submission(**overrides):
    values = {
        "render_id": UUID(ABSENT),
        "name": "Charter",
        "recipients": (recipient(),),
        "fields": (placed(),),
        "anchors": (),
        "expiration_hours": 168,
    }
    return Submission(**values | overrides)


def problems(submission):
    with pytest.raises(InvalidRequest) as caught:
        check(submission)
    return caught.value


def test_a_valid_submission_passes():
    check(make_submission())


@given(st.permutations(range(1, 8)))
def test_any_permutation_of_the_orders_passes(orders):
    check(make_submission(recipients=tuple(recipient(order) for order in orders)))


@given(st.lists(st.integers(min_value=-1, max_value=5), min_size=1, max_size=4))
def test_any_other_orders_are_refused(orders):
    submission = make_submission(recipients=tuple(recipient(order) for order in orders))

    if sorted(orders) == list(range(1, len(orders) + 1)):
        check(submission)
    else:
        assert problems(submission).form_errors


@given(st.decimals(min_value=0, max_value=100, places=3))
def test_a_field_may_reach_the_edge_whatever_the_rounding_of_decimals(x):
    if x < 100:
        check(make_submission(fields=(placed(x=float(x), width=float(100 - x)),)))


def test_everything_that_is_wrong_is_told_at_once():
    wrong = make_submission(
        recipients=(recipient(2), recipient(2, Designation.CC)),
        fields=(placed(recipient_index=7), placed(x=90, width=20, y=95, height=10), placed(options=("a",), group="g")),
        anchors=(AnchorTag(recipient_index=1, type="signature", text="x"),),
    )

    found = problems(wrong)

    assert len(found.form_errors) == 1
    assert set(found.field_errors) == {
        "fields.0.recipientIndex",
        "fields.1.width",
        "fields.1.height",
        "fields.2.options",
        "fields.2.group",
        "anchorTags.0.recipientIndex",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"expiration_hours": 1},
        {"fields": ()},
        {"require_code": True},
        {"recipients": (recipient(designation=Designation.CC),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_mapping_tells_submissions_apart(change):
    submission = make_submission()

    assert replace(submission, **change).as_mapping() != submission.as_mapping()


def test_a_code_that_is_not_asked_for_changes_no_fingerprint_of_an_earlier_version():
    assert "require_code" not in make_submission(require_code=False).as_mapping()
