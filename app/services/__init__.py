"""Use cases. They know models and domain; they know no HTTP and no vendor."""
