"""The fast side: the hot calls of S3 over HTTP/1.1 of our own, without botocore."""
