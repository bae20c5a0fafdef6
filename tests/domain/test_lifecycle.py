"""The state machine, against the contract's table (section 2) written out by hand."""

import itertools

import pytest

from app.domain.lifecycle import OPEN, TERMINAL, Action, Status, next_status

#: Where each action leads from; from anywhere else it is ignored.
CONTRACT = {
    "send": ({"creating"}, "sent"),
    "view": ({"sent"}, "viewed"),
    "complete": ({"sent", "viewed"}, "completed"),
    "decline": ({"sent", "viewed"}, "declined"),
    "expire": ({"sent", "viewed"}, "expired"),
    "cancel": ({"sent", "viewed"}, "cancelled"),
    "fail": ({"creating", "sent", "viewed"}, "failed"),
}
FINAL = {"completed", "declined", "expired", "cancelled", "failed"}


@pytest.mark.parametrize(("status", "action"), list(itertools.product(Status, Action)))
def test_every_action_from_every_status_leads_where_the_contract_says(status, action):
    sources, target = CONTRACT[action]

    assert next_status(status, action) == (target if status in sources else None)


def test_every_status_is_creating_open_or_final():
    assert FINAL == TERMINAL
    assert set(OPEN) == {"sent", "viewed"}
    assert set(Status) == FINAL | OPEN | {"creating"}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_leaves_a_final_status(status):
    assert {next_status(Status(status), action) for action in Action} == {None}
