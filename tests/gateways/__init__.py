"""Tests of what reaches out of the process."""
