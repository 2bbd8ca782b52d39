"""Batches: every pair once an epoch, within the budget, in an order of (seed, epoch)."""

import hashlib
import itertools

import numpy as np
import pytest

from nmt.batches import buckets
from nmt.batches import store as store_module
from nmt.batches.buckets import Batches
from nmt.batches.store import write_ids, write_text
from nmt.text.vocabulary import BOS, EOS, PAD
from tests.batches.stores import Words, pairs_of, stored


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("budget", [1, 50, 400, 10**6])
def test_every_pair_once_an_epoch(store, budget):
    made = Batches(store, budget, seed=3)
    for number in range(3):
        epoch = list(made.epoch(number))
        assert len(epoch) == len(made)
        assert sorted(np.concatenate(epoch)) == list(range(store.pairs))


@pytest.mark.parametrize("budget", [1, 50, 400])
def test_the_budget_is_kept(store, budget):
    made = Batches(store, budget, seed=3)
    for number in range(2):
        used = []
        for pair_ids in made.epoch(number):
            source, target = made.arrays(pair_ids, 0)
            assert len(pair_ids) == len(source) == len(target) >= 1
            used.append(max(target[:, 1:].size / budget, source.size / 2 / budget))
            assert len(pair_ids) == 1 or used[-1] <= 1
        assert budget < 400 or np.mean(used) > 0.7  # and it is used


def test_little_is_padding(store):
    made = Batches(store, 400, seed=1)
    targets = [made.arrays(pair_ids, 0)[1] for pair_ids in made.epoch(0)]
    padding = sum((target == PAD).sum() for target in targets)
    assert padding / sum(target.size for target in targets) < 0.03


def test_order_is_a_function_of_seed_and_epoch(store):
    made = Batches(store, 200, 7)
    assert same(made.epoch(4), Batches(store, 200, 7).epoch(4))
    assert same(made.epoch(4), made.epoch(4))
    epochs = [list(made.epoch(number)) for number in range(5)]
    epochs.append(list(Batches(store, 200, 8).epoch(0)))
    for left, right in itertools.combinations(epochs, 2):
        assert not np.array_equal(np.concatenate(left), np.concatenate(right))  # another order
        assert set(map(frozenset, left)) != set(map(frozenset, right))  # and other batches
    longest = [int(store.lengths[1][pair_ids].max()) for pair_ids in made.epoch(0)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


@pytest.mark.parametrize(
    "options",
    [{}, {"weights": [1.5], "prefixes": [[7]], "variation": 0.3}],
    ids=["plain", "weighted and varied"],
)
def test_batches_go_on_where_they_stopped(store, options):
    def batches_from(step, seed=2):
        return Batches(store, 3000, seed, (Words(), Words()), **options).batches_from(step)

    # What decides where batches end.
    mixed = {name: options[name] for name in ("weights", "prefixes") if name in options}
    epoch = len(Batches(store, 3000, 2, **mixed))
    whole = list(itertools.islice(batches_from(0), 3 * epoch + 2))
    for step in (0, 1, epoch - 1, epoch, epoch + 1, 2 * epoch - 1, 3 * epoch):
        for expected, batch in zip(whole[step:], batches_from(step), strict=False):
            assert same(expected, batch)
    assert not all(same(a, b) for a, b in zip(whole, batches_from(0, seed=3), strict=False))
    for number in range(3):
        batches = Batches(store, 3000, 2, **mixed).epoch(number)
        for (source, _), pair_ids in zip(whole[number * epoch :], batches, strict=False):
            assert len(source) == len(pair_ids)


def test_arrays_have_bos_eos_and_padding_on_the_right(store):
    made = Batches(store, 300, 1)
    pair_ids = next(made.epoch(0, 5))
    source, target = made.arrays(pair_ids, 0)
    assert source.dtype == target.dtype == np.int32
    for side, matrix in enumerate((source, target)):
        for ids, row in zip(store.ids(side, pair_ids), matrix.tolist(), strict=True):
            expected = [BOS] * side + ids.tolist() + [EOS]
            assert row == expected + [PAD] * (len(row) - len(expected))
        assert (matrix != PAD).sum(1).max() == matrix.shape[1]


def test_corpora_have_their_weights_and_prefixes(tmp_path):
    """Of 60 pairs the last 20 come two and a half times an epoch, the first 30 by halves."""
    write_text(pairs_of(60), tmp_path)
    store = write_ids(tmp_path, (Words(), Words()), 120, [30, 10, 20])
    assert store.corpora == [30, 10, 20]
    prefixes = [[7], [8], [9, 10]]
    batches = Batches(store, 100, 1, weights=[0.5, 1, 2.5], prefixes=prefixes)
    seen = []
    for number in range(6):
        epoch = list(batches.epoch(number))
        assert len(epoch) == len(batches)
        seen.append(np.bincount(np.concatenate(epoch), minlength=60))
    first = np.bincount(
        np.concatenate(batches._batches(batches.parts[0], np.random.default_rng(1))), minlength=60
    )
    assert sorted(first[:30]) == [0] * 15 + [1] * 15
    assert set(first[30:40]) == {1} and sorted(first[40:]) == [2] * 10 + [3] * 10
    assert any((one[:30] != other[:30]).any() for one in seen for other in seen)
    for pair_ids in batches.epoch(0):
        source, _ = batches.arrays(pair_ids, 1)
        for pair, row in zip(pair_ids, source, strict=True):
            prefix = prefixes[0 if pair < 30 else 1 if pair < 40 else 2]
            assert row.tolist()[: len(prefix)] == prefix
            assert row.tolist()[len(prefix) :][: len(store.ids(0, [pair])[0])] == list(
                store.ids(0, [pair])[0]
            )
        assert source.shape[0] * source.shape[1] <= 200 or len(pair_ids) == 1


def test_some_pairs_are_varied_anew_each_time(tmp_path):
    pairs = [(f"Open the window number {n}.", f"Fenster {n} bitte.") for n in range(60)]
    store = stored(tmp_path, pairs)
    plain = Batches(store, 1000, 1, [Words(), Words()])
    varied = Batches(store, 1000, 1, [Words(), Words()], variation=0.5)
    changed = []
    for seed, pair_ids in enumerate(plain.epoch(0)):
        before, after = plain.arrays(pair_ids, seed), varied.arrays(pair_ids, seed)
        assert same(after, varied.arrays(pair_ids, seed))
        assert not same(after, varied.arrays(pair_ids, seed + 1))
        rows = [[row[row != PAD].tolist() for row in matrix] for matrix in (*before, *after)]
        for old_source, old_target, new_source, new_target in zip(*rows, strict=True):
            changed.append(new_source != old_source)
            assert new_target == old_target or changed[-1], "a target changes with its source only"
    assert 0.3 < np.mean(changed) < 0.7


def test_batches_are_those_of_earlier_versions(store):
    """Runs go on with them: if a checksum changes, no training that was stopped is exact."""
    for weights, expected in (([1.0], "5703377d941d33cc"), ([1.7], "8d48de95628c33ba")):
        made = Batches(store, 400, 3, weights=weights)
        ids = np.concatenate([ids for number in range(3) for ids in made.epoch(number)])
        assert hashlib.sha256(ids.tobytes()).hexdigest()[:16] == expected


@pytest.fixture
def shards(tmp_path, monkeypatch):
    """The store of many shards; the last five have a corpus of their own."""
    monkeypatch.setattr(store_module, "SHARD", 100)
    write_text(pairs_of(2000), tmp_path)
    return write_ids(tmp_path, (Words(), Words()), 120, [1550, 450])


def test_shards_that_fit_in_memory_are_as_one(store, shards):
    assert len(shards.shards) == 20
    weights = [1.0, 1.0]
    one, many = (Batches(each, 400, 3, weights=weights).batches_from(5) for each in (store, shards))
    for expected, batch in itertools.islice(zip(one, many, strict=True), 150):
        assert same(expected, batch)


@pytest.mark.parametrize("group", [1, 350, 1999])
def test_an_epoch_in_groups_has_every_pair_once(shards, monkeypatch, group):
    monkeypatch.setattr(buckets, "GROUP", group)
    made = Batches(shards, 400, 3, weights=[1.0, 1.0])
    orders = []
    for number in range(3):
        epoch = list(made.epoch(number))
        assert len(epoch) == len(made)
        orders.append(np.concatenate(epoch))
        assert sorted(orders[-1]) == list(range(2000))
        # No more shards at a time than fit.
        for ids in epoch:
            assert len(set(ids // 100)) == 1
        assert same(epoch, Batches(shards, 400, 3, weights=[1.0, 1.0]).epoch(number))
    # Another order of shards each time.
    firsts = [tuple(dict.fromkeys(order // 100)) for order in orders]
    assert len(set(firsts)) == 3
    other = np.concatenate(list(Batches(shards, 400, 4, weights=[1.0, 1.0]).epoch(0)))
    assert not np.array_equal(other, orders[0])


def test_groups_go_on_where_they_stopped(shards, monkeypatch):
    monkeypatch.setattr(buckets, "GROUP", 350)

    def batches_from(step):
        return Batches(shards, 400, 3, weights=[0.6, 2.5], prefixes=[[7], [8]]).batches_from(step)

    epoch = len(Batches(shards, 400, 3, weights=[0.6, 2.5], prefixes=[[7], [8]]))
    whole = list(itertools.islice(batches_from(0), 2 * epoch + 3))
    for step in (1, epoch - 1, epoch + 20):
        for expected, batch in zip(whole[step:], batches_from(step), strict=False):
            assert same(expected, batch)


def test_too_few_pairs_to_draw_one_of_make_no_batch(shards, monkeypatch):
    monkeypatch.setattr(buckets, "GROUP", 350)
    epoch = list(Batches(shards, 400, 3, weights=[0.004, 1.0]).epoch(0))
    assert sorted(np.concatenate(epoch)) == list(range(1550, 2000)) and all(map(len, epoch))


def test_corpora_have_their_weights_in_groups(shards, monkeypatch):
    """Pairs that an epoch has more than once come in several of its groups."""
    monkeypatch.setattr(buckets, "GROUP", 350)
    made = Batches(shards, 400, 3, weights=[0.6, 2.5])
    epoch = list(made.epoch(1))
    seen = np.bincount(np.concatenate(epoch), minlength=2000)
    assert abs(seen[:1550].mean() - 0.6) < 0.05 and abs(seen[1550:].mean() - 2.5) < 0.1
    assert set(seen[:1550]) <= {0, 1, 2} and set(seen[1550:]) <= {1, 2, 3, 4}
    halves = [
        np.bincount(np.concatenate(half), minlength=2000)[1550:]
        for half in (epoch[: len(epoch) // 2], epoch[len(epoch) // 2 :])
    ]
    assert all(half.any() for half in halves)
