"""Who holds a lease, and whether they are dead."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import select, update

from app.domain import clock
from app.signer.leases import SUSPICIOUS_ATTEMPTS
from app.signer.mail import MailQueue
from app.signer.models import Mail
from app.signer.owners import is_dead, new_owner

PRINT_NAME = "from app.signer.owners import new_owner; print(new_owner())"


def owner_that_died():
    """Return the name of a process that has ended since."""
    return subprocess.run([sys.executable, "-c", PRINT_NAME], capture_output=True, text=True, check=True).stdout.strip()


def test_a_name_fits_its_column_and_is_nobody_else_s():
    names = {new_owner() for _ in range(100)}
    assert len(names) == 100
    assert max(map(len, names)) <= 64


def test_this_process_is_alive():
    assert not is_dead(new_owner())


def test_a_process_that_has_ended_is_dead():
    assert is_dead(owner_that_died())


def test_a_process_that_nobody_has_waited_for_yet_is_dead():
    with subprocess.Popen([sys.executable, "-c", PRINT_NAME], stdout=subprocess.PIPE, text=True) as child:
        owner = child.stdout.read().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(owner)


def test_another_process_with_the_same_number_is_not_the_one():
    place, pid, started, rest = new_owner().split(".")
    assert is_dead(f"{place}.{pid}.{int(started) + 1}.{rest}")


@pytest.mark.parametrize("owner", ["", "gone", "a.b.c.d", "0123456789abcdef.1.1.x", ".1.1.x"])
def test_of_a_process_elsewhere_nothing_is_known(owner):
    assert not is_dead(owner)


class TestInheritance:
    @pytest.fixture
    def queued(self, service):
        service.create()
        return service

    def held_by(self, service, owner, *, attempts=1):
        with service.parts.database.unit_of_work() as session:
            session.execute(
                update(Mail).values(lease_owner=owner, lease_until=clock.utcnow() + MailQueue.lease, attempts=attempts)
            )

    def test_what_a_dead_process_held_is_done_at_once(self, queued):
        self.held_by(queued, owner_that_died())
        queued.work()
        assert len(queued.mails()) == 1

    def test_what_a_living_process_holds_is_left_alone(self, queued):
        self.held_by(queued, new_owner())
        queued.work()
        assert queued.mails() == []

    def test_a_row_whose_process_died_again_and_again_waits_for_its_lease(self, queued, time):
        self.held_by(queued, owner_that_died(), attempts=SUSPICIOUS_ATTEMPTS)
        queued.work()
        assert queued.mails() == []
        time.advance(seconds=MailQueue.lease.total_seconds() + 1)
        queued.work()
        assert len(queued.mails()) == 1

    def test_it_is_noticed_within_seconds_when_the_process_dies_later(self, queued, time):
        child = subprocess.Popen(
            [sys.executable, "-c", "from app.signer.owners import new_owner; print(new_owner(), flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.held_by(queued, child.stdout.readline().strip())
        queued.work()
        assert queued.mails() == []
        child.communicate("\n")
        time.advance(seconds=5)
        queued.work()
        assert len(queued.mails()) == 1
        with queued.parts.database.reading() as session:
            assert session.scalar(select(Mail)).lease_owner is None
