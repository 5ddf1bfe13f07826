"""Other libraries write and read real data through ``s3://`` once aios3 is registered; each where it is installed."""

from __future__ import annotations

import importlib

import pytest

import fsspec
from aios3.fsspec import S3FileSystem, register

ROWS = 1000
EXPECTED_SUM = ROWS * (ROWS - 1) // 2


@pytest.fixture
def registered():
    module = importlib.import_module("fsspec.registry")
    before = dict(module._registry)
    register()
    assert fsspec.get_filesystem_class("s3") is S3FileSystem
    yield
    module._registry.clear()
    module._registry.update(before)
    for instance in list(S3FileSystem._cache.values()):
        instance.close()
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame({"a": range(ROWS), "b": [str(number) for number in range(ROWS)]})


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz", "json"])
def test_pandas(registered, frame, bucket, storage_options, kind):
    pandas = pytest.importorskip("pandas")
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    path, name = f"s3://{bucket}/x.{kind}", kind.partition(".")[0]
    more = {"index": False} if name == "csv" else {}
    getattr(frame, f"to_{name}")(path, storage_options=storage_options, **more)
    found = getattr(pandas, f"read_{name}")(path, storage_options=storage_options)
    assert (len(found), int(found["a"].sum())) == (ROWS, EXPECTED_SUM)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's own call of pandas
def test_dask(registered, frame, bucket, storage_options):
    pytest.importorskip("pyarrow")
    dataframe = pytest.importorskip("dask.dataframe")
    parts = dataframe.from_pandas(frame, npartitions=3)
    parts.to_parquet(f"s3://{bucket}/parts", storage_options=storage_options)
    found = dataframe.read_parquet(f"s3://{bucket}/parts", storage_options=storage_options)
    assert (found.npartitions, int(found["a"].sum().compute())) == (3, EXPECTED_SUM)


def test_pyarrow(registered, frame, bucket, fs):
    pyarrow = pytest.importorskip("pyarrow")
    parquet, arrow_fs = importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow.fs")
    filesystem = arrow_fs.PyFileSystem(arrow_fs.FSSpecHandler(fs))
    parquet.write_to_dataset(pyarrow.Table.from_pandas(frame), f"{bucket}/set", filesystem=filesystem)
    assert parquet.read_table(f"{bucket}/set", filesystem=filesystem).num_rows == ROWS
    [name] = fs.find(f"{bucket}/set")
    info = filesystem.get_file_info(name)
    assert (info.size, info.mtime) == (fs.size(name), fs.modified(name))
    filesystem.move(name, f"{bucket}/moved")
    filesystem.delete_dir_contents(f"{bucket}/set", missing_dir_ok=True)
    assert fs.find(bucket) == [f"{bucket}/moved"]


def test_zarr(registered, bucket, storage_options):
    zarr = pytest.importorskip("zarr")
    store = zarr.storage.FsspecStore.from_url(
        f"s3://{bucket}/z", storage_options={**storage_options, "asynchronous": True}
    )
    array = zarr.create_array(store, shape=(40, 40), chunks=(10, 10), dtype="f8")
    array[:] = 5.0
    assert float(zarr.open_array(store)[:].sum()) == 5.0 * 40 * 40
