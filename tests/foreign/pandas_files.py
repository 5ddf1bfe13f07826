"""Files for pandas' tests of S3, which it does not ship: they have the same names and columns, and other contents."""

from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

_BOOKS = """<?xml version='1.0' encoding='UTF-8'?>
<bookstore>
  <book category="cooking">
    <title lang="en">Bread</title><author>A. Baker</author><year>2005</year><price>30.00</price>
  </book>
  <book category="web">
    <title lang="en">XML</title><author>E. Writer</author><year>2003</year><price>39.95</price>
  </book>
</bookstore>
"""


def write(folder: Path) -> None:
    """Write the files into ``folder``."""
    rows = [(10.5 + number, 1.25, "Female", "No", "Sun", "Dinner", 2) for number in range(244)]
    tips = pd.DataFrame(rows, columns=["total_bill", "tip", "sex", "smoker", "day", "time", "size"])
    text = tips.to_csv(index=False).encode()
    (folder / "tips.csv").write_bytes(text)
    (folder / "tips.csv.gz").write_bytes(gzip.compress(text))
    (folder / "tips.csv.bz2").write_bytes(bz2.compress(text))
    (folder / "items.jsonl").write_text('{"a": 1, "b": 2}\n{"b":2, "a" :1}\n')
    (folder / "salaries.csv").write_text("S\tX\tE\tM\n13876\t1\t1\t1\n")
    (folder / "books.xml").write_text(_BOOKS)
    tips.to_feather(folder / "simple_dataset.feather")
