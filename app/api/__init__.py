"""HTTP: blueprints, schemas, errors. It knows no database."""
