"""What an S3 of Amazon's looks at before it does anything: host, region, signature, token, who may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from servers.amazon_hosts import OPT_IN, Named, named_by
from servers.amazon_objects import Asked, Response, perform, rejection
from servers.amazon_sigv4 import covers, is_right, pairs_of

if TYPE_CHECKING:
    from servers.amazon import Amazon, Key
    from servers.amazon_objects import Bucket, Object
    from servers.amazon_sigv4 import Claim

_SKEW_SECONDS = 15 * 60


@dataclass
class Exchange:
    """One request on its way through the checks, in S3's order."""

    amazon: Amazon
    method: str
    host: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    claim: Claim | None

    def run(self) -> Response:
        """Return what S3 responds."""
        named = self._named()
        if named is None:
            return rejection(400, "InvalidRequest", "There is no such host.")
        key = None if self.claim is None else self._signer()
        return key if isinstance(key, Response) else self._response(named, key)

    def _response(self, named: Named, key: Key | None) -> Response:
        name, key_of_object = self._place(named)
        if not name:
            return self._of_account(key)
        bucket = self.amazon.buckets.get(self.amazon.aliases.get(name, name))
        rejected = self._elsewhere(named, bucket)
        if rejected is not None:
            return rejected
        if bucket is None:
            return rejection(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=name)
        rejected = self._verify(key) or self._may(key, bucket)
        if rejected is not None:
            return rejected
        return self._perform(bucket, key_of_object, key)

    def _named(self) -> Named | None:
        host = self.host.partition(":")[0]
        return Named(self.amazon.home) if host in {"localhost", "127.0.0.1"} else named_by(host)

    def _place(self, named: Named) -> tuple[str, str]:
        if named.bucket is not None:
            return named.bucket, unquote(self.path[1:])
        bucket, _, key = self.path[1:].partition("/")
        return unquote(bucket), unquote(key)

    @property
    def said(self) -> dict[str, str]:
        """The query, decoded."""
        return {unquote(name): unquote(value) for name, value in pairs_of(self.query)}

    def _signer(self) -> Key | Response:
        claim, clock = self.claim, self.amazon.clock()
        assert claim is not None
        key = self.amazon.keys.get(claim.access_key)
        if key is None or (key.session_token is not None and claim.token is None):
            return rejection(
                403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
            )
        if claim.token is not None and claim.token != key.session_token:
            return rejection(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        if key.expires_at is not None and key.expires_at <= clock:
            return rejection(400, "ExpiredToken", "The provided token has expired.")
        if claim.expires_seconds is not None and claim.signed_at + claim.expires_seconds < clock:
            return rejection(403, "AccessDenied", "Request has expired")
        if claim.expires_seconds is None and abs(claim.signed_at - clock) > _SKEW_SECONDS:
            return rejection(
                403, "RequestTimeTooSkewed", "The difference between the request time and the current time"
            )
        return key

    def _verify(self, key: Key | None) -> Response | None:
        claim = self.claim
        if claim is None or key is None:
            return None
        if not is_right(claim, key.secret_key, self.method, self.path, self.query, self.headers):
            return rejection(403, "SignatureDoesNotMatch", "The request signature we calculated does not match")
        if not covers(claim, self.body):
            return rejection(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' does not match")
        return None

    def _elsewhere(self, named: Named, bucket: Bucket | None) -> Response | None:
        """Reject what was sent to, or signed for, another region or service than the bucket's."""
        is_global, endpoint = named.region is None, named.region or "us-east-1"
        home = bucket.region if bucket is not None else endpoint
        if is_global and named.bucket is not None and not (bucket is not None and bucket.young):
            endpoint = home  # DNS has led the request to the bucket's region
        signed, service = (self.claim.region, self.claim.service) if self.claim else (endpoint, named.service)
        if bucket is not None and home != endpoint:
            if is_global and bucket.young:
                return self._redirected(bucket, 307, "TemporaryRedirect", "Please re-send this request to the endpoint")
            if home in OPT_IN:
                message = f"The {endpoint} location constraint is incompatible for the region specific endpoint"
                return self._told(bucket, rejection(400, "IllegalLocationConstraintException", message))
            if signed == endpoint:
                message = "The bucket you are attempting to access must be addressed using the specified endpoint."
                return self._redirected(bucket, 301, "PermanentRedirect", message)
        if signed != endpoint or service != named.service:
            wrong, expecting = (signed, endpoint) if signed != endpoint else (service, named.service)
            message = f"The authorization header is malformed; '{wrong}' is wrong; expecting '{expecting}'"
            said = rejection(400, "AuthorizationHeaderMalformed", message, Region=endpoint)
            return self._told(bucket, said) if bucket is not None and home == endpoint else said
        return None

    def _redirected(self, bucket: Bucket, status: int, code: str, message: str) -> Response:
        region = bucket.told or bucket.region
        endpoint = f"{bucket.name}.s3.{region}.amazonaws.com" if bucket.tells in {"always", "document"} else "elsewhere"
        responded = rejection(status, code, message, Endpoint=endpoint, Bucket=bucket.name)
        location = {"location": f"{'https' if self.amazon.authority else 'http'}://{endpoint}{self.path}"}
        return self._told(bucket, Response(status, responded.body, {**responded.headers, **location}, code))

    def _told(self, bucket: Bucket, responded: Response) -> Response:
        """Name the bucket's region, where it does."""
        asks_bucket = self.method == "HEAD" and not self._place(self._named() or Named(None))[1]
        if bucket.tells == "always" or (bucket.tells == "head-bucket" and asks_bucket):
            headers = {**responded.headers, "x-amz-bucket-region": bucket.told or bucket.region}
            return Response(responded.status, responded.body, headers, responded.code)
        return responded

    def _may(self, key: Key | None, bucket: Bucket) -> Response | None:
        """Reject who may not: others than the owner, where it is not public and nobody pays."""
        said = self.said
        expected = self.headers.get("x-amz-expected-bucket-owner") or said.get("x-amz-expected-bucket-owner")
        if expected is not None and expected != bucket.owner:
            return rejection(403, "AccessDenied", "Access Denied")
        if key is not None and key.account == bucket.owner:
            return None
        if bucket.requester_pays:
            payer = self.headers.get("x-amz-request-payer") or said.get("x-amz-request-payer")
            return None if key is not None and payer == "requester" else rejection(403, "AccessDenied", "Access Denied")
        return None if bucket.public else rejection(403, "AccessDenied", "Access Denied")

    def _of_account(self, key: Key | None) -> Response:
        rejected = self._verify(key)
        if key is None or rejected is not None:
            return rejected or rejection(403, "AccessDenied", "Access Denied")
        own = [each for each in self.amazon.buckets.values() if each.owner == key.account]
        listed = "".join(
            f"<Bucket><Name>{each.name}</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate></Bucket>"
            for each in own
        )
        body = f"<ListAllMyBucketsResult><Buckets>{listed}</Buckets></ListAllMyBucketsResult>".encode()
        return Response(200, body, {"content-type": "application/xml"})

    def _perform(self, bucket: Bucket, name: str, key: Key | None) -> Response:
        if "session" in self.said and key is not None:
            return self._session(bucket, key)
        source = self._source(key)
        if isinstance(source, Response):
            return source
        asked = Asked(self.method, bucket, name, self.said, self.headers, self.body, source)
        responded = self.amazon.on_request(asked) if self.amazon.on_request else None
        return responded or perform(asked)

    def _session(self, bucket: Bucket, key: Key) -> Response:
        made = self.amazon.new_session(bucket.name, key)
        inner = (
            f"<SessionToken>{made.session_token}</SessionToken><SecretAccessKey>{made.secret_key}</SecretAccessKey>"
            f"<AccessKeyId>{made.access_key}</AccessKeyId><Expiration>2099-01-01T00:00:00Z</Expiration>"
        )
        body = f"<CreateSessionResult><Credentials>{inner}</Credentials></CreateSessionResult>".encode()
        return Response(200, body, {"content-type": "application/xml"})

    def _source(self, key: Key | None) -> Object | Response | None:
        named = self.headers.get("x-amz-copy-source")
        if named is None:
            return None
        text = unquote(named).removeprefix("/")
        name, _, of_object = text.partition("/object/") if text.startswith("arn:") else text.partition("/")
        name = self.amazon.aliases.get(name, name)
        bucket = self.amazon.buckets.get(name)
        if bucket is None:
            return rejection(404, "NoSuchBucket", "The specified bucket does not exist", BucketName=name)
        owner = self.headers.get("x-amz-source-expected-bucket-owner")
        rejected = self._may(key, bucket)
        if rejected is None and owner is not None and owner != bucket.owner:
            rejected = rejection(403, "AccessDenied", "Access Denied")
        if rejected is not None:
            return rejected
        found = bucket.objects.get(of_object)
        if found is None:
            return rejection(404, "NoSuchKey", "The specified key does not exist.", Key=of_object)
        wanted = self.headers.get("x-amz-copy-source-if-match")
        if wanted is not None and wanted.strip('"') != found.etag.strip('"'):
            return rejection(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        return found
