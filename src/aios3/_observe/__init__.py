"""What requests do, counted and told: cheap where nobody listens."""

from aios3._observe.attempts import record_response, record_sent
from aios3._observe.observer import Observer, operation_of

__all__ = ["Observer", "operation_of", "record_response", "record_sent"]
