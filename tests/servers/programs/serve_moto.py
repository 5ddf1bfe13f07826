"""Program: serve moto's S3 on the port that is the first argument, until a signal comes."""

import signal
import sys

from aios3.testing import LocalServer

signals = {signal.SIGTERM, signal.SIGINT}
signal.pthread_sigmask(signal.SIG_BLOCK, signals)
with LocalServer(buckets=(), port=int(sys.argv[1])):
    signal.sigwait(signals)
