"""Open files: what they all promise is that a short read is never passed off as whole, and a broken write as done."""
