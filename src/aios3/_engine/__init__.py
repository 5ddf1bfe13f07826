"""Scheduling without S3: bytes in flight, tasks that outlive a call, what to fetch next, how large parts are."""
