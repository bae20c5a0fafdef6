"""Background work: noticed at once, shared between processes, not stopped by one bad row."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.signer.database import Database
from app.signer.jobs import Bell, Jobs
from app.signer.leases import LeasedQueue
from app.signer.mail import MailQueue
from app.signer.models import Mail
from tests.signer.service import make_recipient


class TestThreads:
    def test_work_is_done_as_soon_as_it_is_rung_for(self):
        bell, todo, done = Bell(), [], threading.Event()

        def run():
            if not todo:
                return 0
            todo.pop()
            done.set()
            return 1

        jobs = Jobs({"one": run}, bell=bell)
        jobs.start()
        todo.append(1)
        bell.ring()
        assert done.wait(timeout=5)
        jobs.stop()

    def test_a_failing_kind_of_work_neither_ends_nor_stops_the_others(self):
        bell, failures, done = Bell(), [], threading.Event()

        def fail():
            failures.append(1)
            raise OSError

        def run():
            if len(failures) >= 2:
                done.set()
            bell.ring()
            return 0

        jobs = Jobs({"bad": fail, "good": run}, bell=bell)
        jobs.start()
        assert done.wait(timeout=5)
        jobs.stop()

    def test_a_running_service_does_its_work_by_itself(self, start_running):
        service, mailed = start_running()
        service.create()
        assert mailed.wait(timeout=10)


@pytest.fixture
def start_running(start_service, monkeypatch):
    """Start the service with its threads; they are stopped in the end."""
    started = []

    def start():
        mailed = threading.Event()
        work = MailQueue.work

        def noticed(queue, row_id, owner):
            work(queue, row_id, owner)
            mailed.set()

        monkeypatch.setattr(MailQueue, "work", noticed)
        service = start_service()
        service.parts.jobs.start()
        started.append(service)
        return service, mailed

    yield start
    for service in started:
        service.parts.jobs.stop()


class Counting(LeasedQueue):
    """Counts who worked on what."""

    model = Mail
    name = "counting"
    lease = MailQueue.lease
    batch = 2

    def __init__(self, database: Database, worked: list[object]) -> None:
        super().__init__(database)
        self.worked = worked

    def work(self, row_id, owner):
        self.worked.append(row_id)
        self.settle(row_id, owner)

    def wait_after(self, attempts):  # noqa: ARG002 (the queue's interface)
        return None


class TestLeases:
    @pytest.fixture
    def queued(self, service):
        """Queue mails to 40 people without sending any."""
        people = [make_recipient(number) for number in range(1, 41)]
        service.create(recipients=people, fields=[], settings={"use_signing_order": False})
        return service.parts.database

    def test_several_at_once_never_do_one_twice(self, queued):
        worked = []
        with ThreadPoolExecutor(4) as pool:
            for run in [pool.submit(drain, Counting(queued, worked)) for _ in range(4)]:
                run.result()
        assert len(worked) == len(set(worked)) == 40

    def test_a_bug_in_one_row_does_not_stop_the_others(self, queued):
        worked = []

        class Buggy(Counting):
            def work(self, row_id, owner):
                if not worked:
                    worked.append(None)
                    raise ZeroDivisionError
                super().work(row_id, owner)

        drain(Buggy(queued, worked))
        assert len(worked) == 40
        with queued.reading() as session:
            errors = [mail.last_error for mail in session.scalars(select(Mail)) if mail.last_error]
        assert errors == ["ZeroDivisionError"]


def drain(queue):
    while queue.run_pending():
        pass
