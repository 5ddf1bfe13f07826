"""The zip browser lists an archive, prints a member and extracts one."""

from __future__ import annotations

import io
import zipfile

import pytest

import aios3


@pytest.fixture
def archive(aios3_server, aios3_bucket, boto, monkeypatch) -> str:
    """An archive that the standard library wrote, on a server that the environment names."""
    credentials = aios3_server.config["credentials"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", aios3_server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/letter.txt", "dear all,\n" * 1000)
        made.writestr("evil/../../up.txt", "x")
    boto.put_object(Bucket=aios3.S3Url.parse(aios3_bucket).bucket, Key="mail.zip", Body=target.getvalue())
    return f"{aios3_bucket}/mail.zip"


def test_it_runs_on_a_server_of_its_own(run_example):
    result = run_example("zip_browser")
    assert (result.returncode, result.stderr) == (0, "")
    assert "3 members in" in result.stdout
    assert result.stdout.endswith("An archive that was never on a disk.\n")


def test_it_lists_an_archive(run_example, archive):
    result = run_example("zip_browser", archive)
    assert (result.returncode, result.stderr) == (0, "")
    assert "10,000" in result.stdout.splitlines()[0]
    assert result.stdout.splitlines()[0].endswith("a/letter.txt")
    assert "2 members in" in result.stdout


def test_it_prints_a_member(run_example, archive):
    result = run_example("zip_browser", archive, "a/letter.txt")
    assert (result.returncode, result.stdout) == (0, "dear all,\n" * 1000)


def test_it_extracts_a_member_to_the_disk_and_to_s3(run_example, archive, boto, aios3_bucket, tmp_path):
    result = run_example("zip_browser", archive, "a/letter.txt", "--to", str(tmp_path))
    assert (result.returncode, result.stdout) == (0, f"{tmp_path}/a/letter.txt\n")
    assert (tmp_path / "a" / "letter.txt").read_text(encoding="utf-8") == "dear all,\n" * 1000
    result = run_example("zip_browser", archive, "a/letter.txt", "--to", f"{aios3_bucket}/out")
    assert result.returncode == 0
    found = boto.get_object(Bucket=aios3.S3Url.parse(aios3_bucket).bucket, Key="out/a/letter.txt")
    assert found["Body"].read() == b"dear all,\n" * 1000


def test_it_says_what_it_will_not_do(run_example, archive, tmp_path):
    result = run_example("zip_browser", archive, "evil/../../up.txt", "--to", str(tmp_path / "in"))
    assert result.returncode == 1
    assert result.stderr.startswith("error: 'evil/../../up.txt'")
    assert list(tmp_path.iterdir()) == []
