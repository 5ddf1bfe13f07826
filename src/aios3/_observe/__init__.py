"""What requests do, counted and told: cheap where nobody listens."""

from aios3._observe.attempts import answered, sending
from aios3._observe.observer import Observer, operation_of

__all__ = ["Observer", "answered", "operation_of", "sending"]
