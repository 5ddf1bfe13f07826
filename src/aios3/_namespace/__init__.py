"""Names in S3: describe, test, list, walk and search them, with the fewest requests that suffice."""

from aios3._namespace.listing import listdir, scan, scan_stat, scandir, walk
from aios3._namespace.search import glob, glob_stat
from aios3._namespace.stat import access, exists, getmtime, getsize, hasbucket, isdir, isfile, lstat, stat

__all__ = [
    "access",
    "exists",
    "getmtime",
    "getsize",
    "glob",
    "glob_stat",
    "hasbucket",
    "isdir",
    "isfile",
    "listdir",
    "lstat",
    "scan",
    "scan_stat",
    "scandir",
    "stat",
    "walk",
]
