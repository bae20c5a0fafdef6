"""`/v1/health` says whether this server can do its work, to anybody."""

from importlib.metadata import version

import pytest

from app.extensions import db


def lose_projects(app):
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE projects RENAME TO elsewhere")


def test_it_is_fine_without_a_key(app):
    answer = app.test_client().get("/v1/health")

    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "version": version("countersign"), "checks": {"database": "ok"}}


def test_a_broken_database_is_503_in_the_same_shape(app):
    lose_projects(app)

    answer = app.test_client().get("/v1/health")

    assert answer.status_code == 503
    assert answer.json == {"status": "degraded", "version": version("countersign"), "checks": {"database": "error"}}


@pytest.mark.parametrize("query", ["?unknown=1", "?limit=0"])
@pytest.mark.parametrize("key", ["", "Bearer nonsense", "Basic YTpi"])
def test_it_is_never_the_callers_fault(app, query, key):
    answer = app.test_client().get(f"/v1/health{query}", headers={"Authorization": key, "Range": "bytes=99-"})

    assert answer.status_code == 200


def test_it_answers_head(app):
    answer = app.test_client().head("/v1/health")

    assert answer.status_code == 200
    assert answer.data == b""
