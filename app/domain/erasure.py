"""What stands in the place of personal data that was erased."""

NAME = "Erased"

#: A domain that never exists (RFC 2606 section 2).
ADDRESS = "erased@erased.invalid"
