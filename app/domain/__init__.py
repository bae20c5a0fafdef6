"""The rules of the business, with the standard library only."""
