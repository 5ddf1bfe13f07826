"""XML as S3 sends it: elements and texts, without the parts of XML that S3 has no use for and attackers have.

No DTD is read, so no entity is expanded but XML's own five and characters by number. Namespaces are dropped: servers
disagree about them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|(amp|lt|gt|quot|apos));|&")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_NOT_CHARACTERS = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MAX_NUMBER = 8


class NotXMLError(ValueError):
    """Raised for a document that S3 would not send."""


def parse_xml(body: bytes) -> Element:
    """Return the root of a document in UTF-8, whatever it says about its encoding. Raises NotXMLError."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        message = "it has a document type, and may define entities"
        raise NotXMLError(message)
    from xml.etree.ElementTree import ParseError, XMLParser  # noqa: PLC0415 - slow to import; not all ask for documents

    parser = XMLParser(encoding="utf-8")  # noqa: S314 - no DTD gets here
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, ValueError) as error:
        message = f"it is not XML ({error})"
        raise NotXMLError(message) from error
    return root


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def child_texts(element: Element) -> dict[str, str]:
    """Return the text of each child by its name; of several with one name, the first counts."""
    texts: dict[str, str] = {}
    for child in element:
        texts.setdefault(local(child), child.text or "")
    return texts


def children(element: Element, name: str) -> list[Element]:
    """Return the children of that name."""
    return [child for child in element if local(child) == name]


def unescape(text: str) -> str:
    """Resolve the references in character data that was cut out of a document. Raises NotXMLError."""
    if "&" not in text:
        return text
    if text.count("&") == text.count("&quot;"):  # an ETag's
        return text.replace("&quot;", '"')
    return _REFERENCE.sub(_referred, text)


def _referred(match: re.Match[str]) -> str:
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED[name]
    digits = (hexadecimal or decimal or "").lstrip("0")
    number = int(digits, 16 if hexadecimal else 10) if 0 < len(digits) <= _MAX_NUMBER else -1
    character = chr(number) if 0 < number <= _LAST else "\0"
    if _NOT_CHARACTERS.match(character):
        message = f"it is not XML ({match[0]!r} is no character)"
        raise NotXMLError(message)
    return character


_LAST = 0x10FFFF
