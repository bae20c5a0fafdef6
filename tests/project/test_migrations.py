"""The migrations: up, down, up again, and no difference to the models."""

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from app.extensions import Base, db
from app.migration import add_commands
from app.schema import MIGRATIONS, known_versions
from app.signer.database import MIGRATIONS as SIGNER_MIGRATIONS


@pytest.fixture(autouse=True)
def in_app(app):
    add_commands(app)
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


@pytest.mark.parametrize("migrations", [MIGRATIONS, SIGNER_MIGRATIONS], ids=["API", "signing service"])
def test_the_files_are_named_after_their_versions_which_form_one_line(migrations):
    script = ScriptDirectory(str(migrations))
    newest_first = [revision.revision for revision in script.walk_revisions()]

    assert newest_first == sorted(known_versions(migrations), reverse=True)
    assert script.get_current_head() == newest_first[0]
