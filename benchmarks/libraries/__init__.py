"""One module a library, all of the same shape: a function for each workload, as the library's documentation does it.

``DISTRIBUTIONS`` are the packages whose versions are recorded; ``COLD`` is a whole program that prints "first byte"
once it has read one of a small object; ``ABSENT`` says why a workload is not there, ``ABSENT_SHAPES`` why a shape of
the server is not; ``NOTE`` is what a reader of the table should know. Clients are made, and one small request is sent,
before the clock starts; the clock stops at the last byte.
"""

NAMES = (
    "aios3",
    "obstore",
    "opendal",
    "pyarrow",
    "aiobotocore",
    "boto3",
    "s3fs",
    "megfile",
    "smart_open",
    "s5cmd",
    "rclone",
)
