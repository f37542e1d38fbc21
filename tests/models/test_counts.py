"""Counts that are kept: parts add up to the log, to the bit, and a model fitted from them is the
model of the log.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spadework as sw
from makers import DAY, START, Recorder, make_log, random_rows
from spadework import files
from spadework.data.interactions import Interactions
from spadework.data.vocabulary import Vocabulary
from spadework.errors import BadRequest, OutputExists, Unsuitable
from spadework.events import listening
from spadework.models.cooccurrence import counts as counts_module
from spadework.models.cooccurrence.counts import (
    OWN_ENTRIES,
    Counts,
    count,
    merge,
    part_of,
    user_hashes,
    without,
)
from spadework.models.cooccurrence.counts import fit as fit_from
from spadework.models.counting.channel import Channel
from spadework.models.labels import model

NOW = START + 200 * DAY
CHANNELS = {
    "plain": Channel(),
    "max_length": Channel(max_length=4),
    "decayed": Channel(age_half_life=20.0 * DAY),
    "directed": Channel(distance="inverse", backward=0.5, max_distance=6),
    "geometric": Channel(distance="geometric", backward=0.0, gap_half_life=3.0 * DAY),
    "session": Channel(group="session", session_gap=5.0 * DAY, distance="log"),
    "basket": Channel(group="basket", group_power=0.5),
    **{entry: Channel(entry=entry, group_power=0.3) for entry in OWN_ENTRIES if entry != "binary"},
}
every_channel = pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)


def log_of(seed: int, rows: int = 250, offset: int = 0) -> Interactions:
    """A log with weights and baskets; users and items begin at `offset`."""
    users, items, times = random_rows(seed, rows=rows)
    rng = np.random.default_rng(seed)
    return make_log(
        [f"u{int(u[1:]) + offset:03d}" for u in users],
        [f"i{int(i[1:]) + offset // 10:03d}" for i in items],
        times,
        weights=rng.integers(1, 20, rows) / 4,
        baskets=(np.asarray(times) // (7 * DAY)).tolist(),
    )


def own_ids(log: Interactions) -> Interactions:
    """The same rows with vocabularies of what occurs alone, as if they had been read from a file of
    their own.
    """
    users, items = (
        Vocabulary(vocabulary.take(np.unique(codes)))
        for vocabulary, codes in (
            (log.user_vocabulary, log.users),
            (log.item_vocabulary, log.items),
        )
    )
    return log.recoded(users, items)


def parts_of(log: Interactions, owner: np.ndarray, parts: int) -> list[Interactions]:
    return [own_ids(log.where((owner == part)[log.users])) for part in range(parts)]


# ---- laws


@every_channel
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 250), chosen=st.integers(0, 2**30 - 1))
def test_merged_counts_of_parts_are_the_counts_of_the_log(channel, seed, rows, chosen):
    log = log_of(seed, rows)
    owner = (chosen >> np.arange(log.user_count)) & 1
    one, other = (count(channel, part, now=NOW) for part in parts_of(log, owner, 2))
    of_all = count(channel, log, now=NOW)
    assert merge(one, other) == of_all
    assert merge(other, one) == of_all
    assert merge(of_all) == of_all


@every_channel
@given(seed=st.integers(0, 10_000))
def test_merging_is_associative(channel, seed):
    log = log_of(seed)
    owner = np.random.default_rng(seed).integers(0, 3, log.user_count)
    a, b, c = (count(channel, part, now=NOW) for part in parts_of(log, owner, 3))
    left, right = merge(merge(a, b), c), merge(a, merge(b, c))
    assert left == right
    assert left == merge(c, a, b) == count(channel, log, now=NOW)
    assert left.joint.tobytes() == right.joint.tobytes()


@every_channel
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 5))
def test_parts_by_hash_are_the_log_whoever_holds_them(channel, seed, n):
    """Each part counted of the log, or of its own rows with ids of their own."""
    log = log_of(seed)
    parts = [
        count(channel, log if k % 2 else own_ids(part_of(log, k, n)), now=NOW, part=(k, n))
        for k in range(n)
    ]
    merged = merge(*parts[::-1])
    assert merged == count(channel, log, now=NOW, part=(0, 1))
    assert dataclasses.replace(merged, users=(alone := count(channel, log, now=NOW)).users) == alone
    assert merged.users.nbytes == 0
    first, *rest = (own_ids(part_of(log, k, n)) for k in range(n))
    if rest:
        kept = [count(channel, one, now=NOW, part=(k, n)) for k, one in enumerate(rest, 1)]
        assert without(merged, count(channel, first, now=NOW, part=(0, n))) == merge(*kept)


@every_channel
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 250), chosen=st.integers(0, 2**30 - 1))
def test_counts_without_users_are_the_counts_of_the_others(channel, seed, rows, chosen):
    log = log_of(seed, rows)
    owner = (chosen >> np.arange(log.user_count)) & 1
    stays, goes = (count(channel, part, now=NOW) for part in parts_of(log, owner, 2))
    assert without(count(channel, log, now=NOW), goes) == stays


def test_users_with_new_events_are_counted_anew():
    """Taken out, counted with all of their events, and merged: the counts of the whole log."""
    log, cosine = log_of(7), model("cosine")
    early = log.where(log.times < np.median(log.times))
    late = log.where(log.times >= np.median(log.times))
    again = np.intersect1d(early.active_users, late.active_users)
    first = count(cosine, own_ids(early))
    with pytest.raises(BadRequest, match="`without`") as told:
        merge(first, count(cosine, own_ids(late)))
    assert "In both counts: " in str(told.value)
    rest = without(first, count(cosine, own_ids(early.of_user_codes(again))))
    new = np.setdiff1d(late.active_users, again)
    anew = count(cosine, own_ids(log.of_user_codes(np.union1d(again, new))))
    assert merge(rest, anew) == count(cosine, own_ids(log))


def test_what_was_not_counted_cannot_be_taken_out():
    log, cosine = log_of(2), model("cosine")
    of_all, one = count(cosine, log), log.of_user_codes(log.active_users[:1])
    with pytest.raises(BadRequest, match="Not in the counts: 1 of the users"):
        without(of_all, count(cosine, make_log(["a stranger"], log.item_vocabulary.ids[:1])))
    twice = Interactions.from_codes(
        np.tile(one.users, 2),
        np.tile(one.items, 2),
        user_vocabulary=one.user_vocabulary,
        item_vocabulary=one.item_vocabulary,
    )
    with pytest.raises(BadRequest, match="more would be taken out than is there"):
        without(count(cosine, one), count(cosine, twice))
    elsewhere = make_log([log.user_vocabulary.ids[int(one.users[0])]], ["an unknown item"])
    with pytest.raises(BadRequest, match="more would be taken out than is there"):
        without(of_all, count(cosine, elsewhere))
    with pytest.raises(BadRequest, match="made in different ways"):
        without(of_all, count(Channel(group="session", session_gap=60.0), one))


def test_counts_are_those_of_a_matrix():
    log = log_of(4)
    did = (log.matrix().toarray() > 0).astype(np.float64)
    expected = did.T @ did
    found = count(model("cosine"), log)
    assert found.sizes.tolist() == np.diag(expected).tolist()
    np.fill_diagonal(expected, 0)
    dense = np.zeros_like(expected)
    dense[np.repeat(np.arange(log.item_count), np.diff(found.starts)), found.columns] = found.joint
    np.testing.assert_array_equal(dense, expected)
    assert found.groups == len(log.active_users)
    assert found.popularity.tolist() == log.item_counts.tolist()
    assert (
        repr(found)
        == f"Counts({found.groups} users, {log.item_count} items, {len(found.columns)} pairs)"
    )
    assert found.nbytes > 12 * len(found.columns)


def test_integer_ids_are_united_by_value():
    one = make_log([1, 1, 2, 2], [5, 30, 5, 7])
    other = make_log([10, 10, 11, 11], [100, 7, 30, 5])
    both = make_log([1, 1, 2, 2, 10, 10, 11, 11], [5, 30, 5, 7, 100, 7, 30, 5])
    cosine = model("cosine")
    merged = merge(count(cosine, one), count(cosine, other))
    assert merged == count(cosine, both)
    assert merged.item_vocabulary.ids.to_list() == [5, 7, 30, 100]


def test_an_empty_part_adds_nothing():
    log = log_of(2)
    nothing = count(model("cosine"), log.where(np.zeros(len(log), np.bool_)))
    of_all = count(model("cosine"), log)
    assert nothing.groups == 0
    assert merge(of_all, nothing) == of_all
    with pytest.raises(Unsuitable, match="cannot learn from counts of an empty log"):
        fit_from(model("cosine"), nothing)


def test_a_log_on_disk_is_counted_in_turns(tmp_path):
    log = log_of(3)
    mapped = sw.open_log(sw.save_log(log, tmp_path / "log"))
    forward = model("forward")
    merged = merge(*(count(forward, mapped, part=(k, 3)) for k in range(3)))
    assert merged == count(forward, log, part=(0, 1))
    assert count(forward, mapped) == count(forward, log)


def test_counts_differ_where_anything_does():
    one = count(model("cosine"), log_of(2))
    assert one == count(model("jaccard"), log_of(2)), "a weight is not part of the counts"
    assert one != count(model("cosine"), log_of(3))
    assert one != count(model("cosine", max_length=7), log_of(2))
    assert one != "counts"
    with pytest.raises(ValueError, match="read-only"):
        one.joint[0] = 2


# ---- fitting


@pytest.mark.parametrize("name", ["raw", "cosine", "jaccard", "confidence"])
def test_a_model_from_plain_counts_is_the_model_of_the_log(name):
    log = log_of(5)
    owner = np.arange(log.user_count) % 2
    merged = merge(*(count(model(name), part) for part in parts_of(log, owner, 2)))
    fitted, expected = fit_from(model(name, keep=6), merged), model(name, keep=6).fit(log)
    assert fitted == expected
    mine, yours = fitted.recommend(log, 10), expected.recommend(log, 10)
    np.testing.assert_array_equal(mine.items, yours.items)
    np.testing.assert_array_equal(mine.scores, yours.scores)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("npmi", {}),
        ("cosine", {"llr": 1.0, "support": 2.0, "keep_columns": 5, "normalise": True}),
        ("forward", {}),
        ("forward", {"age_half_life": "30d"}),
        ("cosine", {"age_half_life": "60d", "group_power": 0.5}),
        ("cooccurrence", {"group": "session", "session_gap": "3d"}),
        ("cooccurrence", {"group": "basket", "entry": "value"}),
    ],
)
def test_a_model_from_weighted_counts_is_that_of_the_log_nearly(name, params):
    log = log_of(6, rows=1000)
    one = model(name, **params)
    fitted, expected = (
        fit_from(model(name, **params), count(one, log)),
        model(name, **params).fit(log),
    )
    np.testing.assert_array_equal(fitted.state["starts"], expected.state["starts"])
    np.testing.assert_array_equal(fitted.state["columns"], expected.state["columns"])
    np.testing.assert_allclose(fitted.state["values"], expected.state["values"], rtol=1e-5)
    assert fitted.recommend(log, 3).items.shape == (log.user_count, 3)


def test_many_blocks_of_stored_rows_are_one_table(monkeypatch):
    from spadework.kernels.counting import stored_counts

    log = log_of(5)
    of_all = fit_from(model("cosine"), count(model("cosine"), log))
    monkeypatch.setattr(stored_counts, "BLOCK_CELLS", 30)
    assert fit_from(model("cosine"), count(model("cosine"), log)) == of_all


def test_parts_that_are_missing_are_told_when_a_model_is_fitted():
    cosine, log = model("cosine"), log_of(3)
    parts = [count(cosine, log, part=(k, 4)) for k in range(4)]
    told = Recorder()
    with listening(told):
        fit_from(model("cosine"), merge(*parts))
    assert not told.notes
    with listening(told):
        fit_from(model("cosine"), merge(*parts[:3]))
    assert "75% of the users" in " ".join(told.notes)


# ---- what is refused


@pytest.mark.parametrize("part", [3, (1,), (0.5, 2), (2, 2), (-1, 2)])
def test_what_is_no_part_is_refused(part):
    with pytest.raises(BadRequest, match="part"):
        count(model("cosine"), log_of(1), part=part)


def test_a_user_in_both_parts_is_refused():
    cosine = model("cosine")
    one, other = (
        count(cosine, make_log(["a", "b"], ["x", "y"])),
        count(cosine, make_log(["c", "b"], ["x", "z"])),
    )
    named = f"In both counts: 1 user, such as the one with hash {user_hashes(['b'])[0]}"
    with pytest.raises(BadRequest, match=named):
        merge(one, other)
    with pytest.raises(BadRequest, match=named):
        merge(count(cosine, make_log(["d"], ["x"])), one, other)


def test_counts_of_different_things_are_refused():
    one, other = log_of(1), log_of(2, offset=500)
    with pytest.raises(BadRequest, match="made in different ways: max_length is 5000 and 7"):
        merge(count(model("cosine"), one), count(model("cosine", max_length=7), other))
    decayed = model("cosine", age_half_life="30d")
    with pytest.raises(BadRequest, match="measure ages from different times") as caught:
        merge(count(decayed, one), count(decayed, other))
    assert "now=" in caught.value.hint
    with pytest.raises(BadRequest, match="The ids of items are String and Int64"):
        merge(count(model("cosine"), one), count(model("cosine"), make_log(["z"], [1])))
    with pytest.raises(
        BadRequest, match="The counts were made with max_length 7, and 'cosine' has 5000"
    ):
        fit_from(model("cosine"), count(model("cosine", max_length=7), one))


def test_now_is_not_before_the_log_ends_and_does_not_matter_without_decay():
    log = log_of(1)
    with pytest.raises(BadRequest, match="now is 5, and the log has events up to"):
        count(model("cosine", age_half_life="30d"), log, now=5)
    assert count(model("cosine"), log, now=5) == count(model("cosine"), log)
    last = int(log.times.max())
    decayed = model("cosine", age_half_life="30d")
    assert count(decayed, log) == count(decayed, log, now=last)
    assert count(decayed, log).now == last


def test_what_cannot_be_counted_is_refused_by_name():
    log = log_of(1)
    with pytest.raises(Unsuitable, match="'tfidf' changes with every user that is added"):
        count(model("cooccurrence", entry="tfidf"), log)
    with pytest.raises(Unsuitable, match="'popular' does not learn from counts of pairs"):
        count(model("popular"), log)
    with pytest.raises(Unsuitable, match="'str' does not learn from counts of pairs"):
        count("cosine", log)
    with pytest.raises(Unsuitable, match="'popular' does not learn from counts of pairs"):
        fit_from(model("popular"), count(model("cosine"), log))
    with pytest.raises(Unsuitable, match="These counts need times"):
        count(model("forward"), make_log(["a", "a"], ["x", "y"]))
    with pytest.raises(Unsuitable, match="reads content, which counts do not hold"):
        fit_from(model("cosine", content_share=0.5), count(model("cosine"), log))
    with pytest.raises(Unsuitable, match="compares whole numbers of groups"):
        fit_from(
            model("npmi", age_half_life="30d"), count(model("cosine", age_half_life="30d"), log)
        )


def test_sums_too_large_to_be_exact_are_refused():
    log = make_log(["a", "a"], ["x", "y"], weights=[1e5, 1e5])
    with pytest.raises(Unsuitable, match="reaches 536,870,912, where it is no longer exact"):
        count(model("cooccurrence", entry="value"), log)


# ---- folders


@every_channel
def test_saved_and_loaded_they_are_equal(channel, tmp_path):
    log = log_of(8)
    one = count(channel, log, now=NOW)
    two = Counts.load(one.save(tmp_path / "counts"))
    assert two == one
    with pytest.raises(OutputExists, match="exists already"):
        one.save(tmp_path / "counts")
    assert merge(two, count(channel, log_of(9, offset=100), now=NOW)) == merge(
        one, count(channel, log_of(9, offset=100), now=NOW)
    )


def test_an_occupied_folder_is_refused_before_anything_is_packed(tmp_path, monkeypatch):
    (tmp_path / "notes.txt").touch()
    counts = count(model("raw"), log_of(1))
    monkeypatch.setattr(files, "npz", lambda _: pytest.fail("packed"))
    with pytest.raises(OutputExists, match="exists already"):
        counts.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_no_file_of_the_folder_can_run_code(tmp_path):
    folder = count(model("cosine"), log_of(1)).save(tmp_path / "counts")
    assert sorted(path.name for path in folder.iterdir()) == [
        "arrays.npz",
        "counts.json",
        "items.parquet",
    ]


def test_damaged_folders_are_refused(tmp_path):
    with pytest.raises(BadRequest, match="holds no counts"):
        Counts.load(tmp_path)
    folder = count(model("cosine"), log_of(1)).save(tmp_path / "counts")
    header = json.loads((folder / "counts.json").read_text())

    def refused(text, **changes):
        (folder / "counts.json").write_text(json.dumps({**header, **changes}))
        with pytest.raises(BadRequest, match=text):
            Counts.load(folder)

    refused("has format 9", format=9)
    refused("has format 2, and this spadework reads 3", format=2)
    refused("another version of spadework", channel={"group": "user"})
    refused("cannot be read", files={})
    (folder / "counts.json").write_text("{")
    with pytest.raises(BadRequest, match="cannot be read"):
        Counts.load(folder)
    (folder / "items.parquet").write_bytes(b"other")
    refused("items.parquet is not the file that was saved")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("columns", lambda array: array + 100, "items that are not there"),
        ("columns", lambda array: array.astype(np.int64), "arrays are others than expected"),
        ("starts", lambda array: array[::-1].copy(), "row starts do not fit"),
        ("sizes", lambda array: array[1:], "sizes do not fit the items"),
        ("item_users", lambda array: array[1:], "sizes do not fit the items"),
        ("user_hashes", lambda array: array[::-1].copy(), "its users are in no order"),
        ("user_hashes", lambda array: array.view(np.int64), "arrays are others than expected"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name, change, message, tmp_path):
    folder = count(model("cosine"), log_of(1)).save(tmp_path / "counts")
    path = folder / "arrays.npz"
    arrays = dict(np.load(path))
    np.savez(path, **{**arrays, name: change(arrays[name])})
    header = json.loads((folder / "counts.json").read_text())
    header["files"][path.name] = files.sha256(path)
    (folder / "counts.json").write_text(json.dumps(header))
    with pytest.raises(BadRequest, match=message):
        Counts.load(folder)


def test_ids_out_of_order_are_refused(tmp_path):
    folder = count(model("cosine"), log_of(1)).save(tmp_path / "counts")
    path = folder / "items.parquet"
    pl.read_parquet(path).reverse().write_parquet(path)
    header = json.loads((folder / "counts.json").read_text())
    header["files"][path.name] = files.sha256(path)
    (folder / "counts.json").write_text(json.dumps(header))
    with pytest.raises(BadRequest, match="its ids are not in order"):
        Counts.load(folder)


def test_the_functions_are_public():
    names = (sw.counts.count, sw.counts.merge, sw.counts.fit, sw.counts.Counts, sw.counts.part_of)
    assert names == (count, merge, fit_from, Counts, part_of)
    assert counts_module.LARGEST * 2.0**24 == 2.0**53


@pytest.mark.parametrize("name", ["forward", "cosine(max_length=4)", "cosine(group=session)"])
def test_users_of_items_are_counted_by_item(name: str) -> None:
    """In a log with many more users than items, so that one cannot stand for the other."""
    draw = np.random.default_rng(5)
    users, items = draw.integers(0, 150, 900), draw.integers(0, 12, 900)
    log = make_log(users, items, START + draw.integers(0, 9_000, 900) * 60)
    chosen = model(name)
    whole = count(chosen, log, part=(0, 1))
    pairs = log.frame().select("user_id", "item_id").unique()["item_id"].value_counts()
    by_item = dict(pairs.iter_rows())
    assert whole.item_users.tolist() == [by_item[item] for item in log.item_vocabulary.ids]
    assert merge(*(count(chosen, log, part=(k, 2)) for k in range(2))) == whole
