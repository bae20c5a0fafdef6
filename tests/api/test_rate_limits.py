"""How many calls are answered, of one key and of one address without a key, and what happens without the counter."""

import socket
import subprocess
import sys
import time as real_time
from dataclasses import replace

import pytest

from app.config import Settings, SettingsError
from app.domain import keys
from app.extensions import db
from app.factory import create_app
from app.services import api_keys
from tests.api.expectations import assert_refused
from tests.callers import Caller, make_caller
from tests.fakes.inspector import TrustingInspector

#: A full minute must not begin while a test counts, so tests count by the hour.
FIVE, TWO = "5 per hour", "2 per hour"
NAMES = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")


@pytest.fixture
def limited(settings, deps):
    """Build an app with the limits that the test names."""
    apps = []

    def build(**limits):
        app = create_app(replace(settings, **limits), replace(deps, inspector=TrustingInspector(pages=1)))
        apps.append(app)
        return app

    yield build
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def without_key(app, address="198.51.100.7", path="/v1/signatures", **headers):
    return app.test_client().get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address})


def statuses(answers):
    return [answer.status_code for answer in answers]


def assert_limited(answer):
    assert_refused(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 3601


def test_a_key_is_answered_so_often_and_then_hears_when_to_come_back(limited):
    api = make_caller(limited(rate_limit_per_key=FIVE))

    answers = [api.get("/v1/signatures") for _ in range(6)]

    assert statuses(answers) == [200] * 5 + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"5"}
    assert not any("Retry-After" in answer.headers for answer in answers[:5])
    assert_limited(answers[5])


def test_every_route_counts_and_so_does_an_address_where_nothing_is(limited):
    api = make_caller(limited(rate_limit_per_key=FIVE))
    api.get("/v1/signatures")
    api.post("/v1/signatures", data=b"{")
    api.get("/v1/nothing")
    api.put("/v1/signatures")
    api.get("/v1/renders")

    assert_limited(api.get("/v1/webhooks"))


def test_each_key_has_a_count_of_its_own_even_in_one_project(limited):
    app = limited(rate_limit_per_key=TWO)
    first = make_caller(app)
    with app.app_context():
        second = Caller(first.client, first.project_id, api_keys.create(first.project_id).clear_text)

    assert statuses(first.get("/v1/renders") for _ in range(3)) == [200, 200, 429]
    assert second.get("/v1/renders").status_code == 200


def test_of_several_limits_the_narrowest_that_is_used_up_answers(limited):
    api = make_caller(limited(rate_limit_per_key="3 per hour; 4 per day"))

    answers = [api.get("/v1/renders") for _ in range(4)]

    assert statuses(answers) == [200, 200, 200, 429]
    assert answers[3].headers["RateLimit-Limit"] == "3"


def test_what_is_refused_for_its_rate_is_not_read(limited, signing):
    api = make_caller(limited(rate_limit_per_key="1 per hour"))
    api.get("/v1/renders")

    class Unread:
        def read(self, *_):
            raise AssertionError("the body was read")

    overrides = {"wsgi.input": Unread(), "CONTENT_LENGTH": "9"}
    answer = api.post("/v1/renders", content_type="application/pdf", environ_overrides=overrides)

    assert_limited(answer)
    assert signing.envelopes == {}


def test_health_and_provider_events_are_never_limited(limited):
    app = limited(rate_limit_per_key="1 per hour", rate_limit_failed_auth="1 per hour")
    client = app.test_client()

    assert statuses(client.get("/v1/health") for _ in range(5)) == [200] * 5
    assert statuses(client.post("/hooks/signing-provider") for _ in range(5)) == [401] * 5


def test_without_a_limit_no_header_speaks_of_one(api):
    answer = api.get("/v1/signatures")

    assert not any(name in answer.headers for name in NAMES)


def test_an_address_without_a_key_is_refused_so_often_and_then_told_to_wait(limited):
    app = limited(rate_limit_failed_auth=FIVE)
    tries = [None, "Bearer nonsense", f"Bearer {keys.generate().clear_text}", "Basic eDp5", "Bearer"]

    answers = [without_key(app, **({"Authorization": one} if one else {})) for one in tries]

    assert statuses(answers) == [401] * 5
    assert_limited(without_key(app))
    assert_limited(without_key(app, path="/v1/nothing"))


def test_other_addresses_are_not_held_liable(limited):
    app = limited(rate_limit_failed_auth=TWO)
    assert statuses(without_key(app) for _ in range(3)) == [401, 401, 429]

    assert without_key(app, address="198.51.100.8").status_code == 401


def test_a_valid_key_is_answered_whatever_its_neighbours_do(limited):
    app = limited(rate_limit_failed_auth=TWO)
    api = make_caller(app)
    neighbours = [without_key(app, address="127.0.0.1") for _ in range(4)]

    assert statuses(neighbours) == [401, 401, 429, 429]
    assert statuses(api.get("/v1/renders") for _ in range(4)) == [200] * 4


def test_a_valid_key_uses_nothing_up_of_what_its_address_may_get_wrong(limited):
    app = limited(rate_limit_failed_auth=TWO)
    api = make_caller(app)
    for _ in range(5):
        api.get("/v1/renders")

    assert without_key(app, address="127.0.0.1").status_code == 401


def test_one_customers_ipv6_addresses_are_one(limited):
    app = limited(rate_limit_failed_auth=TWO)
    ours = [f"2001:db8:1:2::{number:x}" for number in range(1, 4)]

    assert statuses(without_key(app, address=address) for address in ours) == [401, 401, 429]
    assert without_key(app, address="2001:db8:1:3::1").status_code == 401


def test_behind_a_trusted_proxy_the_client_is_counted_and_a_strangers_word_is_not_believed(limited):
    app = limited(rate_limit_failed_auth=TWO, trusted_proxies=("10.0.0.1",))
    for _ in range(3):
        without_key(app, address="10.0.0.1", **{"X-Forwarded-For": "198.51.100.7"})

    assert without_key(app, address="10.0.0.1", **{"X-Forwarded-For": "198.51.100.8"}).status_code == 401
    made_up = [without_key(app, address="203.0.113.9", **{"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(3)]
    assert statuses(made_up) == [401, 401, 429]


def test_a_caller_without_an_address_is_counted_too(limited):
    app = limited(rate_limit_failed_auth=TWO)

    assert statuses(without_key(app, address="") for _ in range(3)) == [401, 401, 429]


def test_a_reminder_too_soon_keeps_its_own_time_to_wait(limited):
    api = make_caller(limited(rate_limit_per_key="100 per hour"))
    path = f"/v1/signatures/{api.created()['id']}/remind"
    api.post(path)

    answer = api.post(path)

    assert_refused(answer, 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["RateLimit-Limit"] == "100"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_without_its_counter_the_api_answers_and_each_process_counts_for_itself(limited, capsys):
    app = limited(rate_limit_per_key=FIVE, ratelimit_storage_uri=f"redis://127.0.0.1:{free_port()}/0", log_level="info")
    api = make_caller(app)

    assert statuses(api.get("/v1/renders") for _ in range(6)) == [200] * 5 + [429]
    assert capsys.readouterr().err.count("storage unreachable") == 1


@pytest.mark.parametrize("uri", ["redis://127.0.0.1:port/0", "redis://:secret-of-redis@host:99999999/0"])
def test_an_address_that_is_none_stops_the_start(settings, uri):
    with pytest.raises(SettingsError, match=r"^RATELIMIT_STORAGE_URI ") as caught:
        create_app(replace(settings, ratelimit_storage_uri=uri))

    assert "secret-of-redis" not in str(caught.value)


def test_redis_without_its_package_stops_the_start_and_says_what_to_install(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(SettingsError, match=r"^RATELIMIT_STORAGE_URI .*pip install .*\[redis\]"):
        create_app(replace(settings, ratelimit_storage_uri="redis://127.0.0.1/0"))


def test_the_limit_of_failures_has_a_default():
    assert Settings().rate_limit_failed_auth == "300 per minute"
    assert Settings().rate_limit_per_key is None


class Redis:
    """A Redis server of our own, which keeps nothing."""

    def __init__(self, folder):
        self.port = free_port()
        self._folder = folder
        self.start()

    @property
    def uri(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert any("eady to accept connections" in line for line in self._process.stdout)

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    yield server
    server.stop()


@pytest.mark.tools
def test_with_redis_all_processes_count_together(limited, redis):
    one, other = (limited(rate_limit_per_key=FIVE, ratelimit_storage_uri=redis.uri) for _ in range(2))
    first = make_caller(one)
    second = Caller(other.test_client(), first.project_id, first.key)

    answers = [caller.get("/v1/renders") for caller in (first, second) * 3]

    assert statuses(answers) == [200] * 5 + [429]
    assert_limited(answers[5])


@pytest.mark.tools
def test_a_redis_that_dies_and_returns_costs_no_answer(limited, redis):
    api = make_caller(limited(rate_limit_per_key=TWO, ratelimit_storage_uri=redis.uri))
    assert statuses(api.get("/v1/renders") for _ in range(3)) == [200, 200, 429]

    redis.stop()
    fallen_back = [api.get("/v1/renders") for _ in range(3)]
    redis.start()

    assert statuses(fallen_back) == [200, 200, 429]
    deadline = real_time.monotonic() + 20
    while api.get("/v1/renders").status_code != 200:  # It forgot, and counts anew as soon as it is asked again.
        assert real_time.monotonic() < deadline
