"""flowserv's volumes on S3, over :class:`aios3.sync.Volume`: change the import and keep the rest.

Names, arguments and defaults are those of flowserv-core 0.9. Where flowserv is installed, its ``isinstance`` and its
``except`` know these classes as its own; they do not need it. The guide "Coming from flowserv" lists every difference.
"""

from aios3.compat.flowserv.files import S3File, UnknownFileError
from aios3.compat.flowserv.volume import S3Bucket, S3Volume

__all__ = ["S3Bucket", "S3File", "S3Volume", "UnknownFileError"]
