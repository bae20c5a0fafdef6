"""The migrations: up, down, up again, and no difference to the models."""

import flask_migrate
import pytest
from sqlalchemy import inspect

from app.extensions import Base, db


@pytest.fixture(autouse=True)
def in_app(app):
    with app.app_context():
        yield


def tables():
    with db.engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrations_make_what_the_models_say():
    assert tables() == set(Base.metadata.tables) | {"alembic_version"}
    flask_migrate.check()


def test_down_leaves_nothing_and_up_again_everything():
    flask_migrate.downgrade(revision="base")
    assert tables() == {"alembic_version"}

    flask_migrate.upgrade()
    flask_migrate.check()
