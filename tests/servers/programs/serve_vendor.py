"""Program: serve moto's S3 as the vendor that the first argument names, on the port that is the second."""

import re
import signal
import sys
from pathlib import Path
from xml.sax.saxutils import escape

sys.path[0] = str(Path(__file__).parents[2])  # instead of this folder

from aios3.testing import LocalServer, _moto  # noqa: E402 - only found now
from aios3.testing._faulty_operations import named  # noqa: E402 - likewise
from servers.vendor_rules import PROFILES, Asked  # noqa: E402 - likewise

profile = PROFILES[sys.argv[1]]
OF_WRITES = {"PUT", "POST"}


class VendorApp:
    """moto's application behind the rules of a vendor."""

    def __init__(self, account):
        self._app = moto_app(account)

    def __call__(self, environ, start_response):
        into_the_path(environ)
        asked = asked_by(environ)
        rejected = profile.reject(asked)
        if rejected is not None:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            said = f"<Error><Code>{rejected.code}</Code><Message>{escape(rejected.message)}</Message></Error>"
            body = b"" if asked.method == "HEAD" or not rejected.code else f"<?xml version='1.0'?>{said}".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response(f"{rejected.status} Rejected", headers)
            return [body]
        if asked.method in OF_WRITES:
            for name in profile.ignored:
                environ.pop(f"HTTP_{name.upper().replace('-', '_')}", None)
        as_moto_knows_it(environ)
        return self._app(environ, start_response)


def into_the_path(environ):
    """Put a bucket that is in the host into the path, where moto looks for it; remember the host."""
    host = environ.get("HTTP_HOST", "").partition(":")[0]
    environ["aios3.host"] = host
    bucket, _, rest = host.partition(".")
    if not rest.startswith("oss-"):
        return
    for name in ("RAW_URI", "REQUEST_URI", "PATH_INFO"):
        if name in environ:
            environ[name] = f"/{bucket}{environ[name]}"
    environ["aios3.host"] = "in the path"


def asked_by(environ):
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name[:5] == "HTTP_"}
    headers |= {
        name.lower().replace("_", "-"): environ[name] for name in ("CONTENT_LENGTH", "CONTENT_TYPE") if name in environ
    }
    target = environ.get("RAW_URI") or f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
    operation, bucket, key = named(environ["REQUEST_METHOD"], target, headers)
    query = environ.get("QUERY_STRING", "")
    return Asked(operation, environ["REQUEST_METHOD"], environ["aios3.host"], bucket, key, query, headers)


def as_moto_knows_it(environ):
    """Give moto a host and a region that it knows; it looks at no signature."""
    environ["HTTP_HOST"] = f"127.0.0.1:{environ['SERVER_PORT']}"
    signed = environ.get("HTTP_AUTHORIZATION", "")
    environ["HTTP_AUTHORIZATION"] = re.sub(r"(Credential=[^/]+/\d{8})/[^/]*/", r"\1/us-east-1/", signed)


signals = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
moto_app = _moto._AccountApp
_moto._AccountApp = VendorApp
with LocalServer(buckets=(), port=int(sys.argv[2])):
    signal.sigwait(signals)
