"""Ceph's RADOS gateway over a cluster of one monitor and one store in memory: a real server, with real signatures.

The cluster is new at each start. Nothing of it is worth a clean end, so monitor and store are killed; a store hangs
on TERM once its monitor is gone.
"""

from __future__ import annotations

import json
import signal
import uuid
from typing import TYPE_CHECKING

from servers.installing import debian
from servers.processes import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servers.processes import Processes

USER = ("AKIATEST", "secrettest")
OTHER = ("AKIATEST2", "secrettest2")

_MEMORY_BYTES = 6 << 30
_FOLDERS = ("mon", "osd", "rgw", "run", "crash")


def install() -> None:
    """Install Debian's packages, without starting their services."""
    debian(("radosgw", "ceph-mon", "ceph-osd"), programs=("radosgw", "ceph-mon", "ceph-osd", "ceph"))


def start(processes: Processes, port: int) -> None:
    """Make a cluster, its users and the gateway."""
    home = processes.directory
    for folder in _FOLDERS:
        (home / folder).mkdir()
    cluster = str(uuid.uuid4())
    monitor_v2, monitor_v1 = free_ports(2)
    monitor = f"[v2:{HOST}:{monitor_v2},v1:{HOST}:{monitor_v1}]"
    config = home / "ceph.conf"
    config.write_text(_text(_settings(home, cluster, monitor, port)))
    _start_monitor(processes, config, cluster, monitor)
    _start_store(processes, config)
    _make_users(processes, config)
    processes.spawn("rgw", "radosgw", "-c", config, "-f", "-n", "client.rgw")
    processes.wait_for_http(port)


def _start_monitor(processes: Processes, config: Path, cluster: str, monitor: str) -> None:
    monitors = processes.directory / "monmap"
    processes.run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", monitor, monitors)
    processes.run("ceph-mon", "-c", config, "-i", "a", "--mkfs", "--monmap", monitors)
    processes.spawn("mon", "ceph-mon", "-c", config, "-i", "a", "-f", stop_with=signal.SIGKILL)


def _start_store(processes: Processes, config: Path) -> None:
    ceph = ("ceph", "-c", config, "--connect-timeout", "30")
    store = str(uuid.uuid4())
    processes.run(*ceph, "osd", "new", store, "0")
    processes.run("ceph-osd", "-c", config, "-i", "0", "--mkfs", "--osd-uuid", store)
    processes.run(*ceph, "osd", "crush", "add", "osd.0", "1.0", "host=here", "root=default")
    processes.spawn("osd", "ceph-osd", "-c", config, "-i", "0", "-f", stop_with=signal.SIGKILL)
    processes.wait_until(
        lambda: json.loads(processes.run(*ceph, "osd", "stat", "-f", "json"))["num_up_osds"] == 1, "osd"
    )


def _make_users(processes: Processes, config: Path) -> None:
    for name, (access_key, secret_key) in (("test", USER), ("other", OTHER)):
        who = (f"--uid={name}", f"--display-name={name}", f"--access-key={access_key}", f"--secret-key={secret_key}")
        processes.run("radosgw-admin", "-c", config, "user", "create", *who)


def _settings(home: Path, cluster: str, monitor: str, port: int) -> Mapping[str, object]:
    return {
        "fsid": cluster,
        "mon host": monitor,
        "public addr": HOST,
        "cluster addr": HOST,
        "ms bind ipv6": "false",
        # the gateway insists on encryption otherwise, which there is none of without keys
        "ms mon client mode": "crc secure",
        "ms client mode": "crc secure",
        "auth cluster required": "none",
        "auth service required": "none",
        "auth client required": "none",
        "run dir": home / "run",
        "admin socket": f"{home}/run/$name.asok",
        "log file": f"{home}/$name.log",
        "crash dir": home / "crash",
        "mon data": home / "mon",
        "mon allow pool size one": "true",
        "mon warn on pool no redundancy": "false",
        "mon data avail warn": 2,
        "mon data avail crit": 1,
        "mon max pg per osd": 1000,
        "osd data": home / "osd",
        "osd objectstore": "memstore",
        "memstore device bytes": _MEMORY_BYTES,
        "osd crush chooseleaf type": 0,
        "osd max object name len": 2048,
        "osd pool default size": 1,
        "osd pool default min size": 1,
        "osd pool default pg num": 8,
        "osd pool default pgp num": 8,
        "osd pool default pg autoscale mode": "off",
        "rgw data": home / "rgw",
        # without tcp_nodelay each small response waits 40 ms for an acknowledgement
        "rgw frontends": f"beast endpoint={HOST}:{port} tcp_nodelay=1",
        "rgw dns name": "localhost",
        "rgw thread pool size": 64,
        "rgw crypt require ssl": "false",
        "rgw enable ops log": "false",
        "rgw enable usage log": "false",
        "rgw run sync thread": "false",
        "rgw gc obj min wait": 5,
        "rgw gc processor period": 5,
        "rgw gc processor max time": 5,
        "debug rgw": 0,
        "debug osd": 0,
        "debug ms": 0,
    }


def _text(settings: Mapping[str, object]) -> str:
    lines = (f"{name} = {value}" for name, value in settings.items())
    return "\n".join(("[global]", *lines, ""))
