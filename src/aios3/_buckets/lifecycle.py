"""Lifecycle rules of a bucket. The lifetime of all objects is one rule of aios3, beside those of others, which stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aios3._arguments import list_of
from aios3._buckets.configuration import LIFECYCLE, read_document, replace_document
from aios3.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from aios3._backend import Document
    from aios3._paths import S3Url
    from aios3._session import Session

_IDS = ("expire", "aios3-expire")
"""Names of aios3's rule: messageflux's, or the second if another rule has the first."""
_LONGEST = 2**31 - 1


async def set_lifetime(session: Session, url: S3Url, days: int) -> None:
    """Let all objects expire after ``days`` days; 0 or less cancels that."""
    if type(days) is not int or days > _LONGEST:
        message = f"A lifetime is a whole number of days up to {_LONGEST:,}, and {days!r} is none"
        raise ConfigError(message, path=str(url))
    document = await read_document(session, url, LIFECYCLE) or {}
    before: list[Document] = document.get("Rules", [])
    after = with_lifetime(before, days)
    if after == before:
        return
    await _replace_rules(session, url, document, after)


async def get_rules(session: Session, url: S3Url) -> list[Document]:
    """Return all lifecycle rules, as S3 has them."""
    rules: list[Document] = (await read_document(session, url, LIFECYCLE) or {}).get("Rules", [])
    return rules


async def put_rules(session: Session, url: S3Url, rules: Iterable[Mapping[str, Any]]) -> None:
    """Replace all lifecycle rules; none deletes them."""
    documents = [_with_filter(dict(rule)) for rule in list_of("rules", rules, Mapping)]  # type: ignore[type-abstract]  # only isinstance() is asked
    document = await read_document(session, url, LIFECYCLE)
    if documents or document is not None:
        await _replace_rules(session, url, document or {}, documents)


async def _replace_rules(session: Session, url: S3Url, document: Document, rules: Sequence[Document]) -> None:
    """Put ``rules`` in the place of those of a document that has been read."""
    if not rules:
        await replace_document(session, url, LIFECYCLE, None)
        return
    member = "TransitionDefaultMinimumObjectSize"  # goes back to S3's default where it is not said again
    parameters = {"LifecycleConfiguration": {"Rules": rules}} | {
        member: document[member] for member in (member,) if member in document
    }
    await replace_document(session, url, LIFECYCLE, parameters)


async def get_lifetime(session: Session, url: S3Url) -> int | None:
    """Return after how many days all objects expire by our rule; None if it is not there, or off."""
    document = await read_document(session, url, LIFECYCLE) or {}
    enabled = [rule for rule in document.get("Rules", []) if _is_ours(rule) and rule.get("Status") == "Enabled"]
    return int(enabled[0]["Expiration"]["Days"]) if enabled else None


def with_lifetime(rules: Sequence[Document], days: int) -> list[Document]:
    """Return the lifecycle rules of others as they are, followed by aios3's if ``days`` is positive."""
    others = [rule for rule in rules if not _is_ours(rule)]
    if days <= 0:
        return others
    used_ids = {rule.get("ID") for rule in others}
    name = next((name for name in _IDS if name not in used_ids), None)
    own_rule: Document = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": days}}
    return [*map(_with_filter, others), own_rule if name is None else {"ID": name, **own_rule}]


def _is_ours(rule: Document) -> bool:
    """Return whether a rule does the same as aios3's and nothing else: all objects expire after some days."""
    where = rule.get("Filter") or {}
    everywhere = not rule.get("Prefix") and not where.get("Prefix") and where.keys() <= {"Prefix"}
    does_more = rule.keys() - {"ID", "Status", "Filter", "Prefix", "Expiration"}
    return rule.get("ID") in _IDS and everywhere and not does_more and rule.get("Expiration", {}).keys() == {"Days"}


def _with_filter(rule: Document) -> Document:
    """Say a rule's prefix in a filter: S3 rejects a document that says it in both ways."""
    if "Prefix" not in rule or "Filter" in rule:
        return rule
    return {name: value for name, value in rule.items() if name != "Prefix"} | {"Filter": {"Prefix": rule["Prefix"]}}
