"""What a `/metrics` says."""

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families


class Samples:
    """Every sample of an answer, by its name and labels."""

    def __init__(self, text: str) -> None:
        self._values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """Return a value; fail when there is no such sample."""
        return self._values[name, frozenset(labels.items())]

    def has(self, name: str) -> bool:
        return any(found == name for found, _ in self._values)

    def since(self, before: "Samples") -> Callable[..., float]:
        """Return how much a counter has grown since another answer of the same process."""

        def grown(name: str, **labels: str) -> float:
            key = name, frozenset(labels.items())
            return self._values.get(key, 0) - before._values.get(key, 0)

        return grown
