"""The public surface: what is exported, that it is described and annotated, and what importing it does not import."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import pkgutil
import typing
from pathlib import Path

import pytest

import aios3
import aios3.distributed
import aios3.sync
import aios3.testing
from imported import imported_by

SOURCE = Path(aios3.__file__)
FUNCTIONS = [name for name in aios3.__all__ if inspect.isfunction(getattr(aios3, name))]
CLASSES = [name for name in aios3.__all__ if inspect.isclass(getattr(aios3, name))]
ALIASES = {"AnyPath", "CredentialSource", "LocalPath", "RequestHook"}
CONSTANTS = {"SEEK_CUR", "SEEK_END", "SEEK_SET"}


def groups() -> list[tuple[str, list[str]]]:
    """Return the groups of ``__all__`` as they stand in the source: the comment above, and the names."""
    found: list[tuple[str, list[str]]] = []
    source = SOURCE.read_text(encoding="utf-8")
    for line in source[source.index("__all__ = [") :].splitlines()[1:]:
        text = line.strip()
        if text.startswith("#"):
            found.append((text, []))
        elif text.startswith('"'):
            found[-1][1].append(ast.literal_eval(text.rstrip(",")))
        else:
            break
    return found


def test_the_names_are_grouped_and_in_order():
    for comment, names in groups():
        assert names, comment
        constants = [name for name in names if name.isupper()]
        classes = [name for name in names if name[0].isupper() and not name.isupper()]
        functions = [name for name in names if name[0].islower()]
        assert names == sorted(constants) + sorted(classes) + sorted(functions), comment
    assert [name for _, names in groups() for name in names] == aios3.__all__


def test_no_name_twice():
    assert len(set(aios3.__all__)) == len(aios3.__all__)


def test_every_name_is_there_and_everything_that_is_there_has_a_name():
    submodules = {module.name for module in pkgutil.iter_modules(aios3.__path__)}
    public = {name for name in dir(aios3) if name.isidentifier() and not name.startswith("_")} - submodules
    assert public - {"TYPE_CHECKING", "annotations"} == set(aios3.__all__)
    assert all(hasattr(aios3, name) for name in aios3.__all__)
    assert set(aios3.__all__) == set(FUNCTIONS) | set(CLASSES) | ALIASES | CONSTANTS


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'aios3' has no attribute 'open_zipp'"):
        aios3.open_zipp  # type: ignore[attr-defined]  # noqa: B018 - that is the test


def test_opening_one_object_imports_only_what_it_needs():
    loaded = imported_by("import aios3; aios3.aopen('s3://b/k')")
    assert "aios3._handles.opening" in loaded
    assert not [
        name
        for name in loaded
        if name.split(".")[:2] in (["aios3", "_zip"], ["aios3", "_trees"], ["aios3", "_buckets"])
    ]
    assert not {"pathlib", "aios3._handles.openers", "aios3._handles.writer", "aios3._http.s3_xml"} & loaded


def test_only_these_modules_are_public():
    public = {module.name for module in pkgutil.iter_modules(aios3.__path__) if not module.name.startswith("_")}
    assert public == {
        "cli",
        "compat",
        "distributed",
        "errors",
        "fsspec",
        "obspec",
        "otel",
        "progress",
        "sync",
        "testing",
        "zarr",
    }


def test_the_contract():
    """What the documentation promises, by name: to drop or rename one is a breaking change."""
    promised = {
        "sessions": "Config Credentials Session",
        "observation": "BucketDescription OperationStats RequestEvent RequestHook SessionStats",
        "paths": "AnyPath PureS3Path S3Path S3Url is_s3 path_join",
        "files": "AsyncMultipartWriter AsyncPrefetchReader AsyncTextReader AsyncTextWriter aopen",
        "ways": "AsyncLimitedSeekableWriter AsyncPipeReader AsyncPipeWriter AsyncWholeFile cached_path",
        "positions": "SEEK_CUR SEEK_END SEEK_SET",
        "names": "access exists getmtime getsize glob glob_stat hasbucket isdir isfile listdir lstat scan scan_stat "
        "scandir stat walk",
        "objects": "copy getmd5 islink load_content load_from makedirs presign presign_post read_bytes read_text "
        "readlink realpath save_as symlink touch unlink write_bytes write_text",
        "zip": "AsyncZipArchive AsyncZipMember AsyncZipWriter ZipLimits create_zip open_zip",
        "below": "get_endpoint_url get_s3_client",
        "places": "AsyncStorageReader AsyncStorageWriter ListEntry Storage Volume VolumeFile",
        "many": "ReadOutcome RemoveOutcome StatOutcome WriteOutcome read_many remove_many stat_many write_many",
        "many objects": "LocalPath OpenUpload Progress TransferAction TransferResult TransferState",
        "verbs on many": "abort_uploads concat download move remove rename sync_tree upload",
        "buckets": "Bucket CorsRule ObjectVersion S3Object",
        "results": "Access FileEntry PresignedPost StatResult WriteResult",
        "errors": " ".join(aios3.errors.__all__),
    }
    missing = {name for names in promised.values() for name in names.split()} - set(aios3.__all__)
    assert not missing


def test_the_errors_are_those_of_the_module():
    for name in aios3.errors.__all__:
        assert getattr(aios3, name) is getattr(aios3.errors, name)


VERBS = ["access", "exists", "getmtime", "getsize", "hasbucket", "isdir", "isfile", "listdir", "lstat", "stat"]
VERBS += ["copy", "read_bytes", "read_text", "remove", "write_bytes", "write_text"]
VERBS += ["getmd5", "islink", "load_content", "load_from", "makedirs", "presign", "presign_post", "readlink"]
VERBS += ["realpath", "save_as", "symlink", "touch", "unlink", "get_endpoint_url", "get_s3_client"]
VERBS += ["abort_uploads", "concat", "download", "move", "rename", "sync_tree", "upload"]
ITERATORS = ["glob", "glob_stat", "scan", "scan_stat", "scandir", "walk"]
ITERATORS += ["read_many", "remove_many", "stat_many", "write_many"]


def test_verbs_are_coroutines_and_iterators_are_async_generators():
    plain = {"aopen", "cached_path", "create_zip", "is_s3", "open_zip", "path_join"}
    assert {name for name in FUNCTIONS if inspect.iscoroutinefunction(getattr(aios3, name))} == set(VERBS)
    assert {name for name in FUNCTIONS if inspect.isasyncgenfunction(getattr(aios3, name))} == set(ITERATORS)
    assert set(FUNCTIONS) == plain | set(VERBS) | set(ITERATORS)


@pytest.mark.parametrize("name", [*VERBS, *ITERATORS, "aopen", "cached_path", "create_zip", "open_zip"])
def test_every_verb_takes_a_session_by_name(name):
    session = inspect.signature(getattr(aios3, name)).parameters["session"]
    assert (session.kind, session.default) == (inspect.Parameter.KEYWORD_ONLY, None)


def test_the_blocking_path_class_has_the_same_verbs():
    for name in (*VERBS, *ITERATORS):
        blocking = getattr(aios3.sync, name)
        assert not inspect.iscoroutinefunction(blocking)
        ours, theirs = (list(inspect.signature(verb).parameters) for verb in (getattr(aios3, name), blocking))
        assert theirs == ours, name
    assert set(aios3.sync.__all__) >= {*VERBS, *ITERATORS, "open", "Session"}


def described() -> dict[str, object]:
    """Return all that a user can see, by name: functions, classes, and their public methods and properties."""
    found: dict[str, object] = {}
    for module in (aios3, aios3.distributed, aios3.sync, aios3.testing):
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                found[f"{module.__name__}.{name}"] = value
            if inspect.isclass(value):
                members = {key: member for key, member in vars(value).items() if not key.startswith("_")}
                found |= {
                    f"{module.__name__}.{name}.{key}": member for key, member in members.items() if is_code(member)
                }
    return found


def is_code(member: object) -> bool:
    return inspect.isfunction(member) or isinstance(member, (property, classmethod, staticmethod))


def function_of(value: object) -> object:
    if isinstance(value, property):
        return value.fget
    return value.__func__ if isinstance(value, (classmethod, staticmethod)) else value


DESCRIBED = described()


@pytest.mark.parametrize("name", DESCRIBED)
def test_everything_is_described(name):
    doc = inspect.getdoc(function_of(DESCRIBED[name]))
    assert doc, f"{name} has no docstring"
    first = doc.splitlines()[0]
    assert first.endswith((".", ":")), f"{name}: {first!r} is no sentence"
    assert first[0].isupper() or first.startswith("``"), f"{name}: {first!r}"
    third_person = ("Returns", "Raises", "Yields", "Reads", "Writes", "Gets", "Sets", "Opens", "Closes", "This")
    if not inspect.isclass(DESCRIBED[name]) and not isinstance(DESCRIBED[name], property):
        assert first.split()[0] not in third_person, f"{name}: {first!r} is not in the imperative"


@pytest.mark.parametrize("name", [name for name, value in DESCRIBED.items() if not inspect.isclass(value)])
def test_everything_is_annotated(name):
    signature = inspect.signature(function_of(DESCRIBED[name]))
    assert signature.return_annotation is not inspect.Signature.empty, f"{name} returns anything"
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            assert parameter.annotation is not inspect.Parameter.empty, f"{name}({parameter.name})"
            assert "Any" not in str(parameter.annotation).replace("AnyPath", ""), f"{name}({parameter.name})"
    assert "Any" not in str(signature.return_annotation).replace("AnyPath", ""), name


def test_the_package_says_that_it_is_typed():
    assert (SOURCE.parent / "py.typed").is_file()


def test_the_version_is_that_of_the_distribution():
    assert aios3.__version__ == importlib.metadata.version("aios3-io")


@pytest.mark.parametrize(
    "value",
    [
        aios3.Session(region="x"),
        aios3.Config(),
        aios3.Credentials("AKIA", "hunter2"),
        aios3.S3Url("bucket", "key"),
        aios3.StatResult(),
        aios3.FileEntry("name", "s3://bucket/name", aios3.StatResult()),
        aios3.WriteResult(5),
        aios3.testing.LocalServer(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_shows_what_it_is(value):
    assert repr(value).startswith(
        (f"{type(value).__name__}(", f"<aios3.{type(value).__name__} ", f"<aios3.testing.{type(value).__name__} ")
    )
    assert "hunter2" not in repr(value)
    assert " at 0x" not in repr(value)


def test_every_file_shows_what_it_is():
    files = [name for name in CLASSES if name.startswith("Async")]
    for name in files:
        assert f'"<aios3.{name} ' in inspect.getsource(getattr(aios3, name).__repr__)


def test_an_error_shows_where_to_import_it_from():
    for name in aios3.errors.__all__:
        assert getattr(aios3, name).__module__ == "aios3.errors"


HEAVY = {
    "aiobotocore",
    "botocore",
    "boto3",
    "aiohttp",
    "moto",
    "pandas",
    "numpy",
    "awscrt",
    "pytest",
    "flask",
    "werkzeug",
    "rich",
    "opentelemetry",
    "distributed",
    "ray",
    "pyarrow",
}


@pytest.mark.parametrize(
    "statement",
    [
        "import aios3",
        "import aios3; aios3.Session(); aios3.aopen('s3://bucket/key')",
        "import aios3.sync",
        "import aios3.distributed",
        "import aios3.progress",
        "import aios3.testing; aios3.testing.LocalServer()",
    ],
)
def test_importing_is_light(statement):
    loaded = {name.partition(".")[0] for name in imported_by(statement)}
    assert "aios3" in loaded
    assert loaded & HEAVY == set()


def test_star_imports_the_surface_and_nothing_else():
    names: dict[str, object] = {}
    exec("from aios3 import *", names)
    del names["__builtins__"]
    assert sorted(names) == sorted(aios3.__all__)


def test_the_annotations_can_be_evaluated_by_tools():
    """Of values, at least: programs that make forms or documents of dataclasses ask for their types."""
    for name in ("S3Url", "FileEntry", "WriteResult"):
        assert typing.get_type_hints(getattr(aios3, name))
