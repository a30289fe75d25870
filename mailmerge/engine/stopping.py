"""The request to stop a run, which every thread of the run sees at once."""

from __future__ import annotations


class StopRequest:
    """A request to stop a run. It takes no lock, so a signal handler may make the request.

    The run's own thread may be waiting for a slow disk when the request comes. So the queue and the
    workers look at the request themselves and do not wait until the run has acted on it.
    """

    def __init__(self) -> None:
        self._times = 0

    def request(self) -> None:
        """Ask to finish the messages in flight and end; a second request abandons them."""
        self._times += 1

    @property
    def requested(self) -> bool:
        """Whether to begin no new message and to open no connection."""
        return self._times > 0

    @property
    def abandon(self) -> bool:
        """Whether to abandon the messages in flight."""
        return self._times > 1
