"""One suite for every surface and every server: what any S3 must do for aios3, and aios3 on any S3."""
