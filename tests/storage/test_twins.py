"""The blocking classes have the methods of the async ones, with the same parameters."""

from __future__ import annotations

import inspect

import pytest

import aios3
import aios3.sync

PAIRS = {
    "Storage": (aios3.Storage, aios3.sync.Storage),
    "Volume": (aios3.Volume, aios3.sync.Volume),
    "VolumeFile": (aios3.VolumeFile, aios3.sync.VolumeFile),
    "reader": (aios3.AsyncStorageReader, aios3.sync.StorageReader),
    "writer": (aios3.AsyncStorageWriter, aios3.sync.StorageWriter),
}


def members(kind):
    return {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}


def parameters(function):
    found = list(inspect.signature(function).parameters.values())[1:]
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_method_has_a_blocking_version(pair):
    ours, theirs = map(members, PAIRS[pair])
    assert ours.keys() == theirs.keys()
    for name, member in ours.items():
        if inspect.isfunction(member):
            assert parameters(member) == parameters(theirs[name]), name
            assert not inspect.iscoroutinefunction(theirs[name])
            assert not inspect.isasyncgenfunction(theirs[name])


@pytest.mark.parametrize("pair", ["Storage", "Volume", "VolumeFile"])
def test_every_blocking_method_says_what_the_async_one_says(pair):
    ours, theirs = map(members, PAIRS[pair])
    for name, member in ours.items():
        if inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(member):
            assert inspect.getdoc(theirs[name]) == inspect.getdoc(member).partition("\n")[0]
