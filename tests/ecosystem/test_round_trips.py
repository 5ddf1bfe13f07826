"""Other libraries write and read real data through ``s3://`` once aios3 is registered; each where it is installed."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

import fsspec

ROWS = 1000
EXPECTED_SUM = ROWS * (ROWS - 1) // 2


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


def test_xarray(registered, bucket, storage_options):
    xarray, np = pytest.importorskip("xarray"), pytest.importorskip("numpy")
    pytest.importorskip("zarr")
    cube = xarray.Dataset({"t": (("y", "x"), np.arange(400.0).reshape(20, 20))})
    cube.to_zarr(f"s3://{bucket}/cube", storage_options=storage_options, consolidated=False)
    with xarray.open_zarr(f"s3://{bucket}/cube", storage_options=storage_options, consolidated=False) as found:
        assert float(found["t"][5:10].sum()) == float(sum(range(100, 200)))


def test_netcdf_in_one_object(registered, bucket, fs):
    xarray, np = pytest.importorskip("xarray"), pytest.importorskip("numpy")
    pytest.importorskip("h5netcdf"), pytest.importorskip("h5py")
    cube = xarray.Dataset({"t": (("y", "x"), np.arange(400.0).reshape(20, 20))})
    with fs.open(f"{bucket}/cube.nc", "wb") as file:
        file.write(bytes(cube.to_netcdf(engine="h5netcdf")))
    with fs.open(f"{bucket}/cube.nc") as file, xarray.open_dataset(file, engine="h5netcdf") as found:
        assert float(found["t"].sum()) == float(sum(range(400)))


def test_datasets(registered, frame, bucket, storage_options, tmp_path):
    datasets = pytest.importorskip("datasets")
    frame.to_parquet(f"s3://{bucket}/rows.parquet", storage_options=storage_options)
    found = datasets.load_dataset(
        "parquet",
        data_files=f"s3://{bucket}/rows.parquet",
        storage_options={**storage_options},  # it adds to them
        split="train",
        cache_dir=str(tmp_path),
    )
    assert sum(found["a"]) == EXPECTED_SUM
    found.save_to_disk(f"s3://{bucket}/saved", storage_options=storage_options)
    assert sum(datasets.load_from_disk(f"s3://{bucket}/saved", storage_options=storage_options)["a"]) == EXPECTED_SUM
    stream = datasets.load_dataset(
        "parquet",
        data_files=f"s3://{bucket}/rows.parquet",
        storage_options={**storage_options},  # it adds to them
        split="train",
        streaming=True,
    )
    assert sum(row["a"] for row in stream) == EXPECTED_SUM


def test_duckdb(registered, bucket, fs):
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        connection.execute(f"COPY (SELECT range AS a FROM range({ROWS})) TO 'aios3://{bucket}/d/a.parquet'")
        connection.execute(f"COPY (SELECT range AS a FROM range({ROWS})) TO 'aios3://{bucket}/d/b.parquet'")
        [[total]] = connection.execute(f"SELECT sum(a) FROM 'aios3://{bucket}/d/*.parquet'").fetchall()
    assert total == 2 * EXPECTED_SUM


def test_upath(registered, bucket, storage_options):
    upath = pytest.importorskip("upath")
    root = upath.UPath(f"s3://{bucket}/u", **storage_options)
    (root / "a" / "b.txt").write_text("one")
    (root / "c.txt").write_bytes(b"two")
    assert sorted(each.name for each in root.iterdir()) == ["a", "c.txt"]
    assert [each.name for each in root.glob("**/*.txt")] == ["b.txt", "c.txt"]
    (root / "c.txt").rename(root / "d.txt")
    assert ((root / "c.txt").exists(), (root / "d.txt").read_text()) == (False, "two")
    assert (root / "a" / "b.txt").stat().st_size == 3
    (root / "a" / "b.txt").unlink()
    assert not (root / "a").exists()


def test_torch_checkpoints(registered, bucket, storage_options):
    torch = pytest.importorskip("torch")
    state = {"weights": torch.arange(ROWS)}
    with fsspec.open(f"s3://{bucket}/one.pt", "wb", **storage_options) as file:
        torch.save(state, file)
    with fsspec.open(f"s3://{bucket}/one.pt", "rb", **storage_options) as file:
        assert int(torch.load(file)["weights"].sum()) == EXPECTED_SUM
    with pytest.raises(RuntimeError), fsspec.open(f"s3://{bucket}/one.pt", "wb", **storage_options) as file:
        file.write(b"half")
        raise RuntimeError
    with fsspec.open(f"s3://{bucket}/one.pt", "rb", **storage_options) as file:
        assert int(torch.load(file)["weights"].sum()) == EXPECTED_SUM


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled:UserWarning")  # one process is enough here
@pytest.mark.filterwarnings("ignore:fsync not supported:UserWarning")  # an object is there when its file is closed
def test_torch_distributed_checkpoints(registered, bucket, storage_options):
    torch = pytest.importorskip("torch")
    checkpoint = importlib.import_module("torch.distributed.checkpoint")
    is_public = importlib.util.find_spec("torch.distributed.checkpoint.fsspec_filesystem") is not None
    files = importlib.import_module(f"torch.distributed.checkpoint.{'' if is_public else '_'}fsspec_filesystem")
    path = f"s3://{bucket}/checkpoint"
    checkpoint.save(
        {"weights": torch.arange(ROWS)}, storage_writer=files.FsspecWriter(path, **storage_options), no_dist=True
    )
    loaded = {"weights": torch.zeros(ROWS, dtype=torch.int64)}
    checkpoint.load(loaded, storage_reader=files.FsspecReader(path, **storage_options), no_dist=True)
    assert int(loaded["weights"].sum()) == EXPECTED_SUM


class Numbers:
    """A data set whose items are objects."""

    def __init__(self, fs, paths):
        self._fs = fs
        self._paths = paths

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, index):
        return int(self._fs.cat_file(self._paths[index]))


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 warns of forks beside threads
@pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning")
def test_workers_of_a_torch_loader(registered, bucket, fs, start):
    pytest.importorskip("torch")
    data = importlib.import_module("torch.utils.data")
    paths = [f"{bucket}/n/{number}" for number in range(8)]
    fs.pipe({path: str(number).encode() for number, path in enumerate(paths)})
    loader = data.DataLoader(Numbers(fs, paths), batch_size=2, num_workers=2, multiprocessing_context=start)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert fs.cat_file(paths[0]) == b"0"


def test_polars(registered, frame, bucket, fs):
    polars = pytest.importorskip("polars")
    with fs.open(f"{bucket}/p.parquet", "wb") as file:
        polars.DataFrame({"a": range(ROWS)}).write_parquet(file)
    with fs.open(f"{bucket}/p.parquet") as file:
        assert polars.read_parquet(file)["a"].sum() == EXPECTED_SUM
