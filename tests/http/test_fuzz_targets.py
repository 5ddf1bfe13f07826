"""The fuzzer's targets hold on its seeds, and on what hypothesis makes of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "fuzz"))

from aios3._http import s3_xml
from aios3._http.chunked import ChunkedDecoder
from aios3._http.response_head import parse_head
from seeds import SEEDS
from targets import TARGETS
from thorough import examples

NAMES = sorted(TARGETS)
MADE = {name: SEEDS[name]() for name in NAMES}


def test_every_target_has_seeds_that_reach_what_it_is_about():
    assert SEEDS.keys() == TARGETS.keys()
    assert any(parse_head(seed)[0].status == 206 for seed in MADE["heads"] if seed.startswith(b"HTTP/1.1 206"))
    body = ChunkedDecoder()
    body.feed(memoryview(next(seed for seed in MADE["chunks"] if b"T: v" in seed)[8:]))
    assert body.done
    cut = [seed for seed in MADE["documents"] if s3_xml._match_flat(seed) is not None]
    assert 0 < len(cut) < len(MADE["documents"])


@pytest.mark.parametrize("name", NAMES)
def test_the_targets_hold_on_their_seeds(name):
    for seed in MADE[name]:
        TARGETS[name](seed)


BROKEN = {
    "heads": ("targets.body_length", lambda head, *, bodyless: -5),
    "chunks": ("targets.ChunkedDecoder.take", lambda self, view: len(self.chunks.popleft()) and 1),
    "documents": ("aios3._http.s3_xml._all_decoded", lambda keys, count: ["wrong"] * count),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_target_sees_what_it_is_there_for(monkeypatch, name):
    monkeypatch.setattr(*BROKEN[name])
    with pytest.raises(AssertionError):
        for seed in MADE[name]:
            TARGETS[name](seed)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_targets_hold_on_what_is_made_of_the_seeds(name, data):
    seed = data.draw(st.sampled_from(MADE[name]))[:4000]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(seed)))
        stop = data.draw(st.integers(start, min(len(seed), start + 50)))
        other = data.draw(st.sampled_from(MADE[name]))[:200]
        seed = seed[:start] + data.draw(st.binary(max_size=6) | st.just(other)) + seed[stop:]
    TARGETS[name](seed)
