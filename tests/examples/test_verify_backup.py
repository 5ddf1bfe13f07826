from __future__ import annotations


def test_a_damaged_backup_is_found_out_by_name_on_worker_processes(run_example):
    result = run_example("verify_backup", "--processes", "2")
    assert result.returncode == 1, result.stderr
    assert "500 objects in 5 key ranges" in result.stdout
    assert "499 compared, 2 failed, 1 only in the backup" in result.stdout
    assert [line.partition(": ")[0] for line in sorted(result.stderr.splitlines())] == [
        "s3://data/123",
        "s3://data/321",
    ]


def test_one_path_alone_is_rejected(run_example):
    result = run_example("verify_backup", "s3://data")
    assert result.returncode == 2
    assert "give both the tree and its backup" in result.stderr
