"""Sends events to the projects' servers: signed, in bounded time, and never into our own network."""
