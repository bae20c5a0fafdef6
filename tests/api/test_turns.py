"""Requests take turns where the database is a file that this process reads, and not where answers come from outside."""

from app.domain import turns
from app.extensions import is_sqlite


def test_a_request_has_a_turn_on_sqlite_alone(api, signing, settings):
    seen = []
    signing.before["create"] = lambda: seen.append(turns.has_turn())

    api.created()

    assert seen == [is_sqlite(settings.database_url)]


def test_a_turn_ends_with_its_request(api):
    api.created()

    assert not turns.has_turn()
