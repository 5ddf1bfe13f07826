"""S3 for tests: a server in this process, one that fails on command, and pytest fixtures that use them.

Needs the extra ``testing``. Importing this package loads neither moto nor aiobotocore.
"""

from aios3.testing import faults
from aios3.testing._faulty_counts import Counts
from aios3.testing._faulty_server import FaultyServer
from aios3.testing._local import LocalServer
from aios3.testing.faults import SeenRequest

__all__ = ["Counts", "FaultyServer", "LocalServer", "SeenRequest", "faults"]
