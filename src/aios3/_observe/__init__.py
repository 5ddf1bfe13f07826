"""Counts and reports of requests: cheap without a hook."""

from aios3._observe.attempts import record_response, record_sent
from aios3._observe.observer import Observer

__all__ = ["Observer", "record_response", "record_sent"]
