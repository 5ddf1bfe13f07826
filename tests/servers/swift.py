"""OpenStack Swift with its S3 API: the second real server; strict about signatures and checksums.

One replica on one folder, which must be on a file system with extended attributes. The users are tempauth's, so the
access key is ``account:user``.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from servers.installing import debian, venv
from servers.processes import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servers.processes import Processes

    Section = Mapping[str, object]

USER = ("test:tester", "secrettest")
OTHER = ("test2:tester2", "secrettest2")

_WORKERS = 2
_PARTS = 10_000
"""S3's limit of parts; Swift's own defaults allow 1,000."""
_RINGS = ("account", "container", "object")
_PIPELINE = (
    "catch_errors gatekeeper healthcheck proxy-logging cache listing_formats bulk s3api tempauth copy slo dlo "
    "versioned_writes symlink proxy-logging proxy-server"
)
_FILTERS: Mapping[str, Section] = {
    "catch_errors": {},
    "gatekeeper": {},
    "healthcheck": {},
    "listing_formats": {},
    "bulk": {},
    "copy": {},
    "dlo": {},
    "symlink": {},
    "slo": {"max_manifest_segments": _PARTS},
    "versioned_writes": {"allow_versioned_writes": "true", "allow_object_versioning": "true"},
    "s3api": {
        "s3_acl": "true",
        "location": "us-east-1",
        "storage_domain": "localhost",
        "auto_create_account": "true",
        "check_bucket_owner": "false",
        "max_upload_part_num": _PARTS,
        "max_multi_delete_objects": 1000,
    },
    "tempauth": {
        f"user_{USER[0].replace(':', '_')}": f"{USER[1]} .admin .reseller_admin",
        f"user_{OTHER[0].replace(':', '_')}": f"{OTHER[1]} .admin",
    },
}


def install() -> Path:
    """Install Swift, and Debian's memcached."""
    debian(("memcached",), programs=("memcached",))
    return venv("swift", "swift==2.38.3", "setuptools<81")


def start(processes: Processes, port: int) -> None:
    """Make rings of one device, and start memcached, the three storage servers and the proxy."""
    programs = install()
    home = processes.directory
    (home / "disks" / "d1").mkdir(parents=True)
    cache_port, *ring_ports = free_ports(1 + len(_RINGS))
    environment = {"SWIFT_CONF_FILE": str(_write_common(home))}
    processes.spawn("memcached", "memcached", "-u", getpass.getuser(), "-l", HOST, "-p", str(cache_port), "-U", "0")
    for ring, ring_port in zip(_RINGS, ring_ports, strict=True):
        _make_ring(processes, programs, ring, ring_port)
        config = _write_storage(home, ring, ring_port)
        processes.spawn(ring, programs / f"swift-{ring}-server", config, "-v", env=environment)
    proxy = _write_proxy(home, port, cache_port)
    processes.spawn("proxy", programs / "swift-proxy-server", proxy, "-v", env=environment)
    for ring_port in ring_ports:
        processes.wait_for_http(ring_port)
    processes.wait_for_http(port, "/healthcheck", below=300)


def _make_ring(processes: Processes, programs: Path, ring: str, port: int) -> None:
    builder = (programs / "swift-ring-builder", f"{ring}.builder")
    processes.run(*builder, "create", "4", "1", "1")
    processes.run(*builder, "add", f"r1z1-{HOST}:{port}/d1", "1")
    processes.run(*builder, "rebalance")


def _write_common(home: Path) -> Path:
    sections = {
        "swift-hash": {"swift_hash_path_prefix": "aios3", "swift_hash_path_suffix": "aios3"},
        "storage-policy:0": {"name": "only", "default": "yes"},
        "swift-constraints": {"max_header_size": 16384},
    }
    return _write(home / "swift.conf", sections)


def _write_storage(home: Path, ring: str, port: int) -> Path:
    default = _defaults(home, port, _WORKERS if ring == "object" else 1)
    sections = {
        "DEFAULT": default | {"devices": home / "disks", "mount_check": "false", "fallocate_reserve": 0},
        "pipeline:main": {"pipeline": f"{ring}-server"},
        f"app:{ring}-server": {"use": f"egg:swift#{ring}", "replication_server": "true"},
    }
    return _write(home / f"{ring}-server.conf", sections)


def _write_proxy(home: Path, port: int, cache_port: int) -> Path:
    filters = {f"filter:{name}": {"use": f"egg:swift#{name}"} | dict(more) for name, more in _FILTERS.items()}
    sections: dict[str, Section] = {
        "DEFAULT": _defaults(home, port, _WORKERS),
        "pipeline:main": {"pipeline": _PIPELINE},
        "app:proxy-server": {
            "use": "egg:swift#proxy",
            "account_autocreate": "true",
            "allow_account_management": "true",
        },
        "filter:proxy-logging": {"use": "egg:swift#proxy_logging"},
        "filter:cache": {"use": "egg:swift#memcache", "memcache_servers": f"{HOST}:{cache_port}"},
        **filters,
    }
    return _write(home / "proxy-server.conf", sections)


def _defaults(home: Path, port: int, workers: int) -> dict[str, object]:
    return {
        "bind_ip": HOST,
        "bind_port": port,
        "workers": workers,
        "user": getpass.getuser(),
        "swift_dir": home,
        "log_level": "WARNING",
        "log_address": home / "no-syslog",
    }


def _write(path: Path, sections: Mapping[str, Section]) -> Path:
    texts = []
    for name, section in sections.items():
        texts += [f"[{name}]", *(f"{key} = {value}" for key, value in section.items()), ""]
    path.write_text("\n".join(texts))
    return path
