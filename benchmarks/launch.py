"""Run one command, and write what the kernel counted for it into a file: ``launch.py FILE COMMAND [ARGUMENT...]``.

A process of its own, and a small one: the largest memory of a child includes that of the process it was forked from.
"""

import json
import os
import subprocess
import sys
import time

started = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - started
process.returncode = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib would make this process larger
    json.dump([process.returncode, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
