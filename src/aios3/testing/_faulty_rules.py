"""Rules that give requests their faults: tried in order, each with a count of its own."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aios3.testing._faulty_counts import matches
from aios3.testing.faults import SlowDown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aios3.testing.faults import Fault, SeenRequest


@dataclass(slots=True)
class Rule:
    """One line of the script: from the ``nth`` request that matches on, ``times`` of them get the fault.

    ``times=None`` is all. With ``probability`` each of them is spared or hit, as ``seed`` decides.
    """

    fault: Fault
    operation: str = "*"
    key: str | Callable[[SeenRequest], bool] = "*"
    nth: int = 1
    times: int | None = 1
    probability: float = 1.0
    seed: int = 0
    _matched: int = 0
    _hit: int = 0
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        if self.nth < 1 or (self.times is not None and self.times < 1):
            message = f"nth and times count from 1; they are {self.nth} and {self.times}"
            raise ValueError(message)
        if not 0 < self.probability <= 1:
            message = f"probability must be above 0 and at most 1, not {self.probability}"
            raise ValueError(message)
        self._random = random.Random(self.seed)  # noqa: S311 - no secret

    def decide(self, request: SeenRequest) -> Fault | None:
        """Count the request if it matches, and return the fault if this is its turn."""
        if not self._fits(request):
            return None
        self._matched += 1
        used_up = self.times is not None and self._hit >= self.times
        if self._matched < self.nth or used_up or self._random.random() >= self.probability:
            return None
        self._hit += 1
        return self.fault

    def _fits(self, request: SeenRequest) -> bool:
        if request.operation == "Connect" and self.operation != "Connect":
            return False  # a pattern speaks of requests
        if isinstance(self.key, str):
            return matches(request, self.operation, self.key)
        return matches(request, self.operation, "*") and self.key(request)


@dataclass(slots=True)
class RateLimit:
    """A bucket of tokens: ``burst`` requests at once, ``per_second`` in the long run; the others get ``fault``."""

    per_second: float
    burst: float
    operation: str = "*"
    fault: Fault = field(default_factory=SlowDown)
    clock: Callable[[], float] = time.monotonic
    _tokens: float = field(init=False)
    _filled: float = field(init=False)

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            message = f"per_second must be above 0 and burst at least 1; they are {self.per_second} and {self.burst}"
            raise ValueError(message)
        self._tokens = self.burst
        self._filled = self.clock()

    def decide(self, request: SeenRequest) -> Fault | None:
        """Return None if there is a token for the request, else the fault."""
        if request.operation == "Connect" or not matches(request, self.operation, "*"):
            return None
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.per_second)
        self._filled = now
        if self._tokens < 1:
            return self.fault
        self._tokens -= 1
        return None


def decide(rules: Iterable[Rule | RateLimit], request: SeenRequest) -> Fault | None:
    """Return the fault of the first rule whose turn it is. Every rule counts every request that matches it."""
    decisions = [rule.decide(request) for rule in rules]
    return next((fault for fault in decisions if fault is not None), None)
