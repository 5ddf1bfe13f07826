"""The methods of s3fs beyond fsspec: tags, metadata, versions, signed URLs, unfinished uploads, other operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fsspec.utils import tokenize

from aios3._boto.boto_errors import translate_errors
from aios3._buckets import Bucket
from aios3._objects.clients import get_s3_client
from aios3._objects.presigning import presign
from aios3._trees.concatenation import concat
from aios3.errors import ConfigError, PathIsDirectoryError
from aios3.fsspec.calls import run
from aios3.fsspec.changes import Changes
from aios3.fsspec.paths import require_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from aios3._boto.boto3_clients import AioBaseClient
    from aios3._objects.presigning import PresignMethod
    from aios3.fsspec.paths import ObjectRef

_METHODS: dict[str, PresignMethod] = {
    "get_object": "GET",
    "put_object": "PUT",
    "delete_object": "DELETE",
    "head_object": "HEAD",
}
_OBJECT_ACLS = frozenset({
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
    "bucket-owner-full-control",
})  # fmt: skip
_BUCKET_ACLS = frozenset({"private", "public-read", "public-read-write", "authenticated-read"})


class LoopConnections:
    """The connections of one filesystem on one loop."""

    def __init__(self, filesystem: Changes) -> None:
        self._filesystem = filesystem

    async def close(self) -> None:
        """Close the connections of the running loop; they are made anew when they are needed."""
        await self._filesystem.aclose()


class Extras(Changes):
    """The methods that fsspec does not know."""

    def split_path(self, path: str) -> tuple[str, str, str | None]:
        """Take a path apart into bucket, key and version; a ``/`` at the end of a key is kept."""
        ref = self.parse_ref(path)
        return ref.url.bucket, ref.url.key, ref.version_id

    async def _call_s3(self, method: str, *parameters: dict[str, Any], **kwargs: Any) -> Any:
        """Call one of S3's operations through aiobotocore, by the name of its client's method.

        Later parameters go before earlier ones, and all before ``s3_additional_kwargs``; those that the operation does
        not have are left out, as s3fs does. The errors are those of aios3.
        """
        client: Any = await get_s3_client(session=self.session())
        operation = client.meta.method_to_api_mapping.get(method)
        if operation is None:
            message = f"S3 has no operation {method!r}; write it as boto3's client does, such as 'head_object'"
            raise ConfigError(message)
        merged: dict[str, Any] = dict(self.s3_additional_kwargs)
        if "SSECustomerKey" in merged:
            merged.setdefault("SSECustomerAlgorithm", "AES256")
        if self.requester_pays:
            merged["RequestPayer"] = "requester"
        for each in (*parameters, kwargs):
            merged |= each
        shape = client.meta.service_model.operation_model(operation).input_shape
        members = shape.members if shape is not None else {}
        path = f"s3://{merged.get('Bucket', '')}/{merged.get('Key', '')}"
        with translate_errors(operation, path):
            return await getattr(client, method)(**{name: value for name, value in merged.items() if name in members})

    async def _checksum(self, path: str, refresh: bool = False) -> int:
        """Return a number that stays the same while the object does, made of its ETag."""
        info = await self._info(path, refresh=refresh)
        if info["type"] != "directory" and info.get("ETag"):
            return int(str(info["ETag"]).strip('"').split("-")[0], 16)
        return int(tokenize(info), 16)

    async def _modified(self, path: str, version_id: str | None = None, refresh: bool = False) -> datetime:
        """Return when an object was written; raise IsADirectoryError for a directory, which has no time."""
        info = await self._info(path, version_id=version_id, refresh=refresh)
        if "LastModified" not in info:
            message = f"{path!r} is a directory, and S3 keeps times of objects only"
            raise PathIsDirectoryError(message, path=path)
        return cast("datetime", info["LastModified"])

    async def _created(self, path: str) -> datetime:
        """Return when an object was written: S3 replaces objects, and each is created as it is."""
        return await self._modified(path)

    async def _url(self, path: str, expires: int = 3600, client_method: str = "get_object", **kwargs: str) -> str:
        """Return a signed URL for one kind of request on one object, good for ``expires`` seconds."""
        ref = require_key(self.parse_ref(path))
        if client_method not in _METHODS:
            message = f"client_method must be one of {', '.join(map(repr, _METHODS))}, not {client_method!r}"
            raise ConfigError(message)
        if client_method == "put_object":
            self._writable(path)
        if ref.version_id is not None:
            kwargs["VersionId"] = ref.version_id
        return await presign(ref.url, expires, _METHODS[client_method], kwargs or None, session=self.session())

    async def _sign(self, path: str, expiration: int = 100, **kwargs: str) -> str:
        """Return a signed URL that is good for ``expiration`` seconds."""
        return await self._url(path, expires=expiration, **kwargs)

    async def _metadata(self, path: str, refresh: bool = False, **kwargs: object) -> dict[str, str]:
        """Return the user metadata of an object, with ``-`` for each ``_`` of a name."""
        del refresh, kwargs
        ref = require_key(self.parse_ref(path))
        stat = await self.described(ref.url, ref.version_id)
        return {name.replace("_", "-"): value for name, value in stat.metadata.items()}

    async def _getxattr(self, path: str, attr_name: str, **kwargs: Any) -> str | None:
        """Return one of an object's metadata; None if it has none of that name."""
        return (await self._metadata(path, **kwargs)).get(attr_name.replace("_", "-"))

    async def _setxattr(self, path: str, copy_kwargs: Mapping[str, Any] | None = None, **kw_args: str | None) -> None:
        """Change some of an object's metadata, and leave the others; None removes one.

        S3 copies the object onto itself. ``copy_kwargs`` are further parameters of CopyObject. Raises ValueError for a
        version, which cannot be changed.
        """
        url = self._writable(path)
        changes = {name.replace("_", "-"): value for name, value in kw_args.items()}
        stat = await self.described(url)
        old = {name.replace("_", "-"): value for name, value in stat.metadata.items()}
        metadata = {name: value for name, value in (old | changes).items() if value is not None}
        parameters = {
            "ContentType": stat.content_type,
            "ContentEncoding": stat.headers.get("content-encoding"),
            "ContentDisposition": stat.headers.get("content-disposition"),
            "ContentLanguage": stat.headers.get("content-language"),
            "CacheControl": stat.headers.get("cache-control"),
            "StorageClass": stat.storage_class,
        }
        try:
            await self._call_s3(
                "copy_object",
                {name: value for name, value in parameters.items() if value is not None},
                dict(copy_kwargs or {}),
                Bucket=url.bucket,
                Key=url.key,
                CopySource={"Bucket": url.bucket, "Key": url.key},
                **self._key_of_source(),
                CopySourceIfMatch=f'"{stat.etag}"',
                Metadata=metadata,
                MetadataDirective="REPLACE",
            )
        finally:
            self.invalidate_cache(path)

    def _key_of_source(self) -> dict[str, Any]:
        """Return the parameters of CopyObject with which S3 reads what is encrypted with a key of the caller's."""
        key = self._settings.sse_customer_key
        return {} if key is None else {"CopySourceSSECustomerAlgorithm": "AES256", "CopySourceSSECustomerKey": key}

    async def _get_tags(self, path: str) -> dict[str, str]:
        """Return the tags of an object."""
        ref = require_key(self.parse_ref(path))
        response = await self._call_s3("get_object_tagging", **_target(ref))
        return {tag["Key"]: tag["Value"] for tag in response.get("TagSet", ())}

    async def _put_tags(self, path: str, tags: Mapping[str, str], mode: str = "o") -> None:
        """Set the tags of an object: in place of those it has (``"o"``), or beside them (``"m"``)."""
        if mode not in {"o", "m"}:
            message = f"mode must be 'o' or 'm', not {mode!r}"
            raise ConfigError(message)
        ref = require_key(self.parse_ref(path))
        all_tags = {**(await self._get_tags(path) if mode == "m" else {}), **tags}
        tag_set = [{"Key": name, "Value": value} for name, value in all_tags.items()]
        await self._call_s3("put_object_tagging", **_target(ref), Tagging={"TagSet": tag_set})

    async def _chmod(self, path: str, acl: str, recursive: bool = False, **kwargs: Any) -> None:
        """Give an object, a bucket, or with ``recursive`` all objects below a path, one of S3's canned ACLs."""
        ref = self.parse_ref(path)
        acls = _OBJECT_ACLS if ref.url.key or recursive else _BUCKET_ACLS
        if acl not in acls:
            message = f"acl must be one of {', '.join(sorted(acls))}, not {acl!r}"
            raise ConfigError(message)
        if recursive:
            await self.run_all(lambda name: self._chmod(name, acl, **kwargs), await self._find(path))
        elif ref.url.key:
            await self._call_s3("put_object_acl", kwargs, **_target(ref), ACL=acl)
        else:
            await self._call_s3("put_bucket_acl", kwargs, Bucket=ref.url.bucket, ACL=acl)

    async def _merge(self, path: str, filelist: Sequence[str], **kwargs: object) -> None:
        """Write the bytes of objects, in their order, as one object; S3 copies those of 5 MiB and more itself.

        Raises ValueError for versions of objects, of which S3 copies the latest only here.
        """
        if kwargs:
            message = f"merge() takes no {', '.join(sorted(kwargs))}"
            raise TypeError(message)
        sources, target = [self._latest_url(each) for each in filelist], self._writable(path)
        try:
            await concat(sources, target, session=self.session())
        finally:
            self.invalidate_cache(path)

    async def _object_version_info(self, path: str, **kwargs: object) -> list[dict[str, Any]]:
        """Return what S3 keeps of each version of an object, the latest first."""
        del kwargs
        return [info for info in await self._ls(path, detail=True, versions=True) if info["type"] == "file"]

    async def _is_bucket_versioned(self, bucket: str) -> bool:
        """Return True if a bucket keeps versions."""
        return await Bucket(self.parse_ref(bucket).url, session=self.session()).get_versioning() == "Enabled"

    async def _make_bucket_versioned(self, bucket: str, versioned: bool = True) -> None:
        """Have a bucket keep versions, or keep no further ones."""
        await Bucket(self.parse_ref(bucket).url, session=self.session()).set_versioning(versioned)

    async def _list_multipart_uploads(self, bucket: str) -> list[dict[str, Any]]:
        """Return the unfinished uploads of a bucket."""
        uploads = await Bucket(self.parse_ref(bucket).url, session=self.session()).list_uploads()
        return [{"Key": each.key, "UploadId": each.upload_id, "Initiated": each.initiated} for each in uploads]

    async def _abort_mpu(self, bucket: str, key: str, mpu: str) -> None:
        """Abort one unfinished upload."""
        url = self.parse_ref(f"{bucket}/{key}").url
        await (await self.session().backend(url)).abort_multipart_upload(url, mpu)

    async def _clear_multipart_uploads(self, bucket: str) -> None:
        """Abort all unfinished uploads of a bucket."""
        for upload in await self._list_multipart_uploads(bucket):
            await self._abort_mpu(bucket, upload["Key"], upload["UploadId"])

    async def _get_delegated_s3pars(self, exp: int = 3600) -> dict[str, Any]:
        """Return storage options with which another process is who this one is.

        Credentials that were given are handed on; those of the environment are found there anew.
        """
        del exp
        if self.anon:
            return {"anon": True}
        credentials = {"key": self.key, "secret": self.secret, "token": self.token}
        return {**({name: value for name, value in credentials.items() if value} if self.key else {}), "anon": False}

    async def _invalidate_region_cache(self) -> None:
        """Do nothing: the region of a bucket is learnt anew where a server names another."""

    async def set_session(self, refresh: bool = False, kwargs: Mapping[str, object] | None = None) -> LoopConnections:
        """Return the connections of the running loop, for callers of s3fs, which close them before their loop ends.

        With ``refresh``, new ones. Nothing else needs this call: connections are made when they are needed.
        """
        del kwargs
        if refresh:
            await self.aclose()
        return LoopConnections(self)

    async def _connect(self, refresh: bool = False) -> LoopConnections:
        """Do what :meth:`set_session` does, by its older name."""
        return await self.set_session(refresh)

    async def _client(self) -> AioBaseClient:
        return await get_s3_client(session=self.session())

    @property
    def s3(self) -> AioBaseClient:
        """The client of aiobotocore on the loop of the blocking methods, for S3's other operations.

        Call it with ``fsspec.asyn.sync(fs.loop, fs.s3.put_bucket_cors, Bucket=...)``; :meth:`call_s3` does the same in
        one step. Coroutines take ``await aios3.get_s3_client(session=fs.session())``, which is of their own loop.
        """
        return cast("AioBaseClient", run(self, self._client))


def _target(ref: ObjectRef) -> dict[str, str]:
    target = {"Bucket": ref.url.bucket, "Key": ref.url.key}
    return target if ref.version_id is None else {**target, "VersionId": ref.version_id}
