"""Lists longer than any: one rule in Python, on the command line, for saved models and exports. A
list may be as long as the catalogue, or ten thousand where that has fewer items.
"""

from __future__ import annotations

import pytest

import spadework as sw
from command_line import call
from makers import make_log
from served_run import served_run
from spadework.errors import BadRequest, OutOfMemory
from spadework.models import needs

BEYOND = [10_001, 10**8, 2**31, 2**63, 2**64, 10**400]
ITEMS = 20
MESSAGE = f"k is larger than 10,000 and than the {ITEMS} items there are."
HINT = f"Ask for {ITEMS} to have them all."


@pytest.mark.parametrize("k", BEYOND, ids=lambda k: str(k)[:9])
def test_lists_longer_than_any(k, shop, tmp_path):
    cosine = sw.model("cosine").fit(shop)
    mixture = sw.model("prior(weight=0.5)").fit(shop)
    saved = sw.load(sw.save(cosine, tmp_path / "cosine"))
    for fitted in (cosine, mixture, saved):
        for ask in (
            lambda k, fitted=fitted: fitted.recommend(shop, k),
            lambda k, fitted=fitted: fitted.recommend(
                shop, k, users=shop.user_vocabulary.ids[:1], repeats="only"
            ),
            lambda k, fitted=fitted: fitted.recommend_codes(shop, k),
            lambda k, fitted=fitted: fitted.similar_items(["i000"], k),
        ):
            with pytest.raises(BadRequest) as caught:
                ask(k)
            assert (caught.value.message, caught.value.hint) == (MESSAGE, HINT)


@pytest.mark.parametrize(
    "k",
    [0, -1, -(10**400), -(10**5000), 2.0, True, "9" * 5000, None],
    ids=lambda k: type(k).__name__,
)
def test_lengths_that_are_none(k, shop):
    fitted = sw.model("popular").fit(shop)
    with pytest.raises(BadRequest, match="which is not a whole number above zero") as caught:
        fitted.recommend(shop, k)
    assert len(caught.value.message) < 120


def test_as_many_as_there_are(shop):
    """Up to the bound a longer list holds all items, and no more."""
    fitted = sw.model("cosine").fit(shop)
    all_items = fitted.recommend(shop, ITEMS).frame()
    assert all_items.equals(fitted.recommend(shop, 10_000).frame())
    assert fitted.similar_items(["i000"], 10_000).frame()["item_id"].n_unique() < ITEMS


def test_a_larger_catalogue_has_longer_lists():
    ids = [f"i{at:05d}" for at in range(10_050)]
    log = make_log(["a"] * len(ids) + ["b"], [*ids, "i00003"])
    fitted = sw.model("popular").fit(log)
    assert fitted.recommend(log, 10_050, users=["b"]).frame().height == 10_050
    with pytest.raises(BadRequest, match=r"larger than 10,000 and than the 10,050 items"):
        fitted.recommend(log, 10_051)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A run of the world order, without a dig."""
    return served_run(tmp_path_factory.mktemp("runs") / "order", {"source": "world:order"})


@pytest.mark.parametrize("k", ["10001", "9223372036854775808", "9" * 400], ids=len)
@pytest.mark.parametrize(
    "command",
    [
        ("recommend", "RUN"),
        ("recommend", "RUN", "--new"),
        ("recommend", "RUN", "--for", "both"),
        ("recommend", "MODEL", "--histories", "world:order"),
        ("similar", "RUN", "i0003"),
        ("similar", "MODEL", "i0003"),
    ],
    ids=" ".join,
)
def test_commands_follow_the_same_rule(command, k, served, capsys):
    model = next(path.parent for path in (served / "models").glob("*/model.json"))
    places = {"RUN": served, "MODEL": model}
    output = call(capsys, *(places.get(word, word) for word in command), "-k", k)
    assert output.code == 2, output.out
    assert output.sentences[0].startswith("k is larger than 10,000 and than the ")
    assert output.sentences[1].startswith("Ask for ")


def test_lists_that_do_not_fit_into_memory(shop, monkeypatch):
    fitted = sw.model("cosine").fit(shop)
    users = shop.active_users
    monkeypatch.setattr(needs, "available_bytes", lambda: 1000)
    assert len(fitted.recommend(shop, 900)) == 30, "so few are not asked about"
    with pytest.raises(OutOfMemory, match=r"600 lists of 10,000 items would hold about 0\.1 GiB"):
        fitted.recommend_codes(shop, 10_000, users=[*users] * 20)
