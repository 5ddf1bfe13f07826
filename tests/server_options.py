"""The storage options that reach the embedded server."""

from __future__ import annotations


def options_of(server, **more):
    credentials = server.config["credentials"]
    return {
        "key": credentials.access_key,
        "secret": credentials.secret_key,
        "endpoint_url": server.endpoint_url,
        "client_kwargs": {"region_name": "us-east-1"},
        **more,
    }
