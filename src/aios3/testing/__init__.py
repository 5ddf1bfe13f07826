"""S3 for tests: a server in this process, and pytest fixtures that use it.

Needs the extra ``aios3[testing]``. Importing this package loads neither moto nor aiobotocore.
"""

from aios3.testing._local import LocalServer

__all__ = ["LocalServer"]
