"""For a Locust master whose workers are session-bench's (docs/beyond.md)."""

import locust
import locust.runners
from locust import User, task

# Debian's python3-locust 2.12.1 has lost its version, and then refuses workers that are written in Python.
if not locust.__version__:
    locust.__version__ = locust.runners.__version__ = "2.12.1"


class Connection(User):
    """One connection of a worker. What it sends, the worker knows."""

    @task
    def load(self):
        raise NotImplementedError("expected the workers of session-bench, got one of Locust")
