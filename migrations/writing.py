"""For those who write migrations: `flask --app migrations/writing.py db migrate -m "what for"` compares models and tables."""

from app.factory import create_app
from app.migration import add_commands

app = create_app()
add_commands(app)
