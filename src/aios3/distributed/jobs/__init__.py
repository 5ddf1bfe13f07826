"""Jobs: what is done with each key range. Each is a frozen, picklable value that is called with a range."""

from aios3.distributed.jobs.base import Job
from aios3.distributed.jobs.checking import Checksum
from aios3.distributed.jobs.copying import Copy, Sync
from aios3.distributed.jobs.inventory import Inventory
from aios3.distributed.jobs.mapping import Map
from aios3.distributed.jobs.measuring import Measure
from aios3.distributed.jobs.removing import Remove

__all__ = ["Checksum", "Copy", "Inventory", "Job", "Map", "Measure", "Remove", "Sync"]
