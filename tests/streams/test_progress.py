"""The commit accounting, for any interleaving."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.progress import Progress

Steps = st.lists(st.tuples(st.sampled_from("hbfca"), st.integers(0, 40)), max_size=120)


class Model:
    """The same account, kept the slow way."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.given: list[int] = []
        self.begun: list[int] = []
        self.done: set[int] = set()
        self.next = 0
        self.seen: list[int] = []

    def bound(self) -> int:
        return next((n for n in self.given if n not in self.done), self.next)

    def step(self, verb: str, n: int) -> None:
        match verb:
            case "h":
                # Every n gives holes of another size.
                offsets = range(self.next + n % 3, self.next + n % 3 + n % 7)
                self.progress.hand_out(offsets)
                self.given += offsets
                self.next = offsets.stop if offsets else self.next
            case "b" if idle := [o for o in self.given if o not in self.begun]:
                assert self.progress.begin(1)
                self.begun.append(idle[n % len(idle)])
            case "f" if self.begun:
                offset = self.begun[n % len(self.begun)]  # perhaps a second time
                self.progress.finish([offset])
                self.done.add(offset)
            case "c" if (now := self.progress.moved()) is not None:
                self.progress.committed(*now)
                self.seen.append(now[0])
                assert self.progress.moved() is None


@given(Steps)
def test_a_commit_never_passes_a_record_that_is_not_done(steps: list[tuple[str, int]]) -> None:
    model = Model()
    for verb, n in steps:
        model.step(verb, n)
        if model.given:
            assert model.progress.committable() == (model.bound(), "")
        else:
            assert model.progress.committable() is None
        assert model.progress.begun == len(set(model.begun) - model.done)
        assert len(model.progress) == sum(1 for o in model.given if o >= model.bound())
    assert model.seen == sorted(model.seen)
    model.progress.finish(model.given)
    if model.given:
        assert model.progress.committable() == (model.next, "")


@given(Steps, st.integers(0, 60))
def test_an_anchor_past_open_records_waits(steps: list[tuple[str, int]], offset: int) -> None:
    model = Model()
    for verb, n in [("h", 5), *steps]:
        if verb == "a":
            model.progress.anchor(offset, "state")
            offset += n
        model.step(verb, n)
        now = model.progress.committable()
        assert now is not None
        assert now[0] <= model.bound()


def test_after_closing_nothing_can_be_begun_but_begun_work_counts() -> None:
    progress = Progress()
    progress.hand_out([3, 4, 9])
    assert progress.begin(1)
    progress.closed = True
    assert not progress.begin(1)
    progress.finish([3])
    assert progress.begun == 0
    assert progress.moved() == (4, "")


def test_the_first_position_is_not_committed_again() -> None:
    progress = Progress()
    assert progress.moved() is None
    progress.hand_out([7, 8])
    assert progress.moved() is None
    progress.finish([8])
    assert progress.moved() is None
    progress.finish([7])
    assert progress.moved() == (9, "")


def test_finishing_twice_does_not_hide_work_that_is_open() -> None:
    progress = Progress()
    progress.hand_out([0, 1])
    progress.begin(2)
    progress.finish([0])
    progress.finish([0])
    assert progress.begun == 1


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 100)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_bytes_of_what_is_handed_out_together_are_held_until_all_of_it_is_passed(
    batches: list[tuple[int, int]], random: Random
) -> None:
    progress, given, first = Progress(), [], 0
    for count, size in batches:
        progress.hand_out(range(first, first + count), size)
        given.append((range(first, first + count), size))
        first += count + 1  # a hole between
    offsets = [offset for part, _ in given for offset in part]
    done: set[int] = set()
    for offset in random.sample(offsets, len(offsets)):
        progress.begin(1)
        progress.finish([offset])
        done.add(offset)
        bound = next((o for o in offsets if o not in done), first)
        assert progress.bytes == sum(size for part, size in given if part[-1] >= bound)
    assert progress.bytes == 0
