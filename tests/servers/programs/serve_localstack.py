"""Program, for LocalStack's Python: run LocalStack on loopback only. Its gateway ignores the host that it is given."""

import runpy

from twisted.internet import endpoints

_listen_everywhere = endpoints.TCP4ServerEndpoint


def _listen_on_loopback(reactor, port, **options):
    return _listen_everywhere(reactor, port, **options | {"interface": "127.0.0.1"})


endpoints.TCP4ServerEndpoint = _listen_on_loopback
runpy.run_module("localstack.runtime.main", run_name="__main__")
