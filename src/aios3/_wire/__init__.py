"""The fast side: S3's hot calls over HTTP/1.1 of our own."""
