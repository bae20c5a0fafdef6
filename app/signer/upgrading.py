"""`python -m app.signer.upgrading`: brings the tables of the database that standard input names up to this version."""

import sys

from app.extensions import open_engine
from app.migration import upgrade
from app.signer.database import MIGRATIONS, PLACE

if __name__ == "__main__":
    upgrade(open_engine(sys.stdin.read(), pool_size=1), MIGRATIONS, place=PLACE)
