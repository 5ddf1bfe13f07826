"""boto3's names of what S3 keeps with an object, and what aios3 calls it where it opens one for writing."""

WRITING = {
    "ACL": "acl",
    "CacheControl": "cache_control",
    "ContentDisposition": "content_disposition",
    "ContentEncoding": "content_encoding",
    "ContentLanguage": "content_language",
    "ContentType": "content_type",
    "SSEKMSKeyId": "sse_kms_key_id",
    "ServerSideEncryption": "sse",
    "StorageClass": "storage_class",
}
