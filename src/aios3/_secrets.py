"""Texts of others without passwords in URLs, signatures, tokens and keys, which would let a reader act as the user.

Other libraries put the addresses and headers that they were given into what they raise, and some servers repeat them.
Their texts go into aios3's messages through :func:`scrubbed`. No I/O.
"""

from __future__ import annotations

import re
from functools import cache

_HIDDEN = "***"
_MAX_CHAIN = 100

_KEY = "x-amz-(?:copy-source-)?server-side-encryption-customer-key"


@cache
def _rules() -> tuple[re.Pattern[str], ...]:
    """Compile the rules when the first text is scrubbed: most programs have none."""
    return (
        # http://user:password@host
        re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://)[^\s/?#'\"]*(?=@)", re.IGNORECASE),
        # the same without its scheme
        re.compile(r"(?P<kept>(?:^|(?<=[\s'\"(=])))[^\s/@:'\"(=]+:[^\s/@'\"]+(?=@[\w\[])", re.MULTILINE),
        # Authorization: ...; 'x-amz-security-token' with value '...'
        re.compile(
            rf"(?P<kept>(?:\b(?:proxy-)?authorization|x-amz-security-token|{_KEY})"
            r"['\"]?(?:\s*+[:=,]\s*+|\s++with value\s++))"
            r"(?!\*\*\*)(?:b?'[^']*'|b?\"[^\"]*\"|[^\r\n]+)",
            re.IGNORECASE,
        ),
        # ?X-Amz-Signature=...&X-Amz-Security-Token=...
        re.compile(
            r"(?P<kept>\b(?:X-Amz-(?:Signature|Credential|Security-Token)|Signature|AWSAccessKeyId|\w*token|\w*password"
            r"|\w*secret\w*)=)[^&\s,;'\"<>)]+",
            re.IGNORECASE,
        ),
        # botocore: Invalid type for parameter SSECustomerKey, value: ..., type: ...
        re.compile(
            r"(?P<kept>\bparameter (?:CopySource)?SSECustomerKey(?:MD5)?, value: ).*?(?=, type:|$)", re.MULTILINE
        ),
    )


def scrubbed(text: str) -> str:
    """Return ``text`` with each password, signature, token and key in it replaced by ``***``."""
    for rule in _rules():
        text = rule.sub(rf"\g<kept>{_HIDDEN}", text)
    return text


def scrub(error: BaseException) -> None:
    """Replace secrets in the texts of ``error`` and of all that it came from, which tracebacks show as well."""
    seen: set[int] = set()
    stack: list[BaseException | None] = [error]
    while stack and len(seen) < _MAX_CHAIN:
        each = stack.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        stack += [each.__cause__, each.__context__]
        if any(isinstance(argument, str) and scrubbed(argument) != argument for argument in each.args):
            each.args = tuple(scrubbed(argument) if isinstance(argument, str) else argument for argument in each.args)
        # botocore builds the text anew from these when the error comes out of a pickle.
        _scrub_texts(getattr(each, "kwargs", None))
        response = getattr(each, "response", None)
        _scrub_texts(response)
        _scrub_texts(response.get("Error") if isinstance(response, dict) else None)


def _scrub_texts(values: object) -> None:
    """Replace secrets in the texts and bodies of a dictionary."""
    if isinstance(values, dict):
        for name, value in values.items():
            if isinstance(value, str):
                values[name] = scrubbed(value)
            elif isinstance(value, bytes):
                values[name] = scrubbed(value.decode("latin-1")).encode("latin-1")
