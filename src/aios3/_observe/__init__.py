"""What requests do, counted and told: cheap where nobody listens."""

from aios3._observe.attempts import record_response, record_sent
from aios3._observe.observer import Observer

__all__ = ["Observer", "record_response", "record_sent"]
