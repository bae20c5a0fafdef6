"""The rules of the business; they know no framework, no database and no network."""
