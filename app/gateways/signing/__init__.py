"""The thin gateway to the remote signing API."""
