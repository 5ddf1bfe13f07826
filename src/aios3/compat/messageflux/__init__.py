"""messageflux's ``s3bucket``, over :mod:`aios3.sync`: change the line that imports ``S3Bucket`` and keep the rest.

Names and arguments are those of ``messageflux.iodevices.objectstorage.s3api.s3bucket``. A boto3 resource is taken
where it was, and asked where the server is and who we are; the requests are aios3's. The guide "Coming from
messageflux" lists every difference.
"""

from aios3.compat.messageflux.buckets import S3Bucket
from aios3.compat.messageflux.errors import S3BucketException, S3NoSuchBucket, S3NoSuchItem
from aios3.compat.messageflux.objects import S3Object

__all__ = ["S3Bucket", "S3BucketException", "S3NoSuchBucket", "S3NoSuchItem", "S3Object"]
