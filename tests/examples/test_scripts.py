from __future__ import annotations

import gzip
import io
import json
import re
import zipfile

import pytest

import aios3


@pytest.fixture
def environment(aios3_server, monkeypatch) -> None:
    """The embedded server as a script finds a real one: in the environment."""
    credentials = aios3_server.config["credentials"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", aios3_server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


SOLD = {"apples": 435, "pears": 870, "plums": 1305}
"""1 + 2 + ... + 29 of the first, twice that of the second, three times of the third."""


def test_legacy_script_runs_on_a_server_of_its_own(run_example):
    result = run_example("legacy_script")
    assert result.stderr == ""
    assert result.returncode == 0
    assert "wrote 29 files below s3://legacy/sales/days" in result.stdout
    assert {name: int(sold) for name, sold in re.findall(r"^  (\w+) +(\d+)$", result.stdout, re.MULTILINE)} == SOLD
    assert "31 objects below s3://legacy/sales" in result.stdout


def test_legacy_script_writes_what_other_programs_can_read(run_example, environment, boto, aios3_bucket):
    bucket = aios3.S3Url.parse(aios3_bucket).bucket
    result = run_example("legacy_script", f"{aios3_bucket}/some where/")
    assert result.returncode == 0, result.stderr

    def read(key: str) -> bytes:
        return boto.get_object(Bucket=bucket, Key=f"some where/{key}")["Body"].read()

    first_day = b"article,sold\r\napples,1\r\npears,2\r\nplums,3\r\n"
    assert read("days/2024-02-01.csv") == first_day
    with zipfile.ZipFile(io.BytesIO(read("days.zip"))) as packed:
        assert packed.testzip() is None
        assert packed.read("2024-02-01.csv") == first_day
        assert len(packed.namelist()) == 29
    assert json.loads(gzip.decompress(read("totals.json.gz"))) == SOLD


def test_scan_report_runs_on_a_server_of_its_own(run_example):
    result = run_example("scan_report", "--top", "2")
    assert result.stderr == ""
    assert result.returncode == 0
    rows = [
        re.split(r" *[│┃] *", line.strip("│┃ ")) for line in result.stdout.splitlines() if "│" in line or "┃" in line
    ]
    assert ["all", "40", "78,000"] in rows
    assert [".csv", "10", "18,000"] in rows
    assert [".jpg", "10", "20,000"] in rows
    assert ["(none)", "10", "21,000"] in rows
    assert ["STANDARD_IA", "8", "14,000"] in rows
    assert ["s3://report/data/39", "3,900"] in rows
    assert ["s3://report/data/38.JPG", "3,800"] in rows
    assert not any("s3://report/data/37" in row[0] for row in rows)


def test_scan_report_looks_at_the_path_that_is_given(run_example, environment, boto, aios3_bucket):
    bucket = aios3.S3Url.parse(aios3_bucket).bucket
    boto.put_object(Bucket=bucket, Key="in/[red]a.TXT", Body=b"12345")
    boto.put_object(Bucket=bucket, Key="out/b.txt", Body=b"1")
    result = run_example("scan_report", f"{aios3_bucket}/in")
    assert result.returncode == 0, result.stderr
    assert re.search(r"\.txt +│ +1 +│ +5 ", result.stdout)
    assert f"{aios3_bucket}/in/[red]a.TXT" in result.stdout
    assert "out" not in result.stdout


def test_migrate_megfile_does_the_same_both_ways(run_example):
    result = run_example("migrate_megfile")
    assert result.stderr == ""
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 10
    assert lines[:5] == lines[5:]
    assert lines[0] == "pages: ['pages/one.txt', 'pages/two.txt']"
    assert lines[3:5] == ["bytes: 23", "the copy is gone"]


def test_mirror_tree_runs_on_a_server_of_its_own(run_example):
    result = run_example("mirror_tree")
    assert result.stderr == ""
    assert result.returncode == 0
    assert re.match(r"s3://mirror/tree: 20 copied \([\d,]+ bytes\), 0 unchanged, 0 deleted\n", result.stdout)
    assert "the same files came back" in result.stdout


def test_mirror_tree_mirrors_up_and_down(run_example, environment, boto, aios3_bucket, tmp_path):
    here, back = tmp_path / "here", tmp_path / "back"
    (here / "d").mkdir(parents=True)
    (here / "d" / "x").write_bytes(b"data")
    (here / "left.out").write_bytes(b"")
    boto.put_object(Bucket=aios3.S3Url.parse(aios3_bucket).bucket, Key="tree/old", Body=b"")
    arguments = (str(here), f"{aios3_bucket}/tree", "--delete", "--exclude", "*.out")
    planned = run_example("mirror_tree", "up", *arguments, "--dry-run")
    assert f"would delete {aios3_bucket}/tree/old" in planned.stdout
    done = run_example("mirror_tree", "up", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 copied (4 bytes), 0 unchanged, 1 deleted" in done.stdout
    assert run_example("mirror_tree", "down", str(back), f"{aios3_bucket}/tree").returncode == 0
    assert [path.relative_to(back).as_posix() for path in back.rglob("*") if path.is_file()] == ["d/x"]
    failed = run_example("mirror_tree", "down", str(back), "s3://there-is-no-such-bucket/x")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("error: ")


def test_volume_backup_runs_on_a_server_of_its_own(run_example):
    result = run_example("volume_backup")
    assert result.stderr == ""
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert [re.sub(r"^[\dT.]+: ", "", line) for line in lines] == [
        "20 files of S3 bucket work, directory run",
        "20 files of S3 bucket work, directory run",
        "deleted",
        "restored 20 files to S3 bucket work, directory run",
        "the same files came back",
    ]


def test_volume_backup_keeps_the_last_ones_and_restores_exactly(run_example, environment, boto, aios3_bucket):
    bucket = aios3.S3Url.parse(aios3_bucket).bucket

    def keys(prefix):
        found = boto.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [entry["Key"].removeprefix(prefix) for entry in found]

    empty = run_example("volume_backup", "backup", f"{aios3_bucket}/run", f"{aios3_bucket}/kept")
    assert (empty.returncode, empty.stdout) == (1, "")
    assert empty.stderr.startswith("error: There is nothing to back up")
    boto.put_object(Bucket=bucket, Key="run/d/x", Body=b"data")
    boto.put_object(Bucket=bucket, Key="run2/y", Body=b"another volume")
    boto.put_object(Bucket=bucket, Key="kept/19990101/files/d/x", Body=b"an interrupted backup")
    for _ in range(3):
        done = run_example("volume_backup", "backup", f"{aios3_bucket}/run", f"{aios3_bucket}/kept", "--keep", "2")
        assert (done.returncode, done.stderr) == (0, "")
    names = sorted({key.partition("/")[0] for key in keys("kept/")})
    assert len(names) == 2
    assert keys(f"kept/{names[0]}/") == ["files/d/x", "volume.json"]
    boto.delete_object(Bucket=bucket, Key="run/d/x")
    assert run_example("volume_backup", "restore", f"{aios3_bucket}/kept", names[0]).returncode == 0
    assert keys("run/") == ["d/x"]
    assert run_example("volume_backup", "restore", f"{aios3_bucket}/kept", "none").returncode == 1


@pytest.mark.parametrize("name", ["legacy_script", "migrate_megfile", "scan_report"])
@pytest.mark.parametrize("path", ["s3://there-is-no-such-bucket/x", "no path"])
def test_errors_are_one_line_and_status_1(run_example, environment, name, path):
    result = run_example(name, path)
    assert result.returncode == 1
    assert result.stdout == ""
    assert re.fullmatch(r"error: .+\n", result.stderr)
    assert path in result.stderr
