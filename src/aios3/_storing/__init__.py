"""One way to store an object: a request, or a multipart upload; what is sent again, what is looked at, what is kept."""
