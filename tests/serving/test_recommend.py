"""Lists over HTTP: who they are for, what may be in them, where items come from."""

from __future__ import annotations

import time

import pytest

from released import fill_store, make_release, running
from spadework.data.vocabulary import Vocabulary
from spadework.models.labels import model
from spadework.serving import releases


def items(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["item"] for item in answer.json()["items"]]


def ask(client, **body):
    return client.post("/v1/recommend", json=body)


def users_of(shop) -> list[str]:
    return [str(user) for user in shop.user_vocabulary.take(shop.active_users)]


def test_known_users_get_what_the_library_answers(client, shop):
    fitted = model("cosine").fit(shop)
    for user in users_of(shop):
        answer = ask(client, user=user, n=5)
        wanted = fitted.recommend(shop, 5, users=[user]).frame()
        assert items(answer) == wanted["item_id"].to_list()
        scores = [item["score"] for item in answer.json()["items"]]
        assert scores == [float(score) for score in wanted["score"]]
        assert answer.json()["user"] == user
        assert answer.json()["artifact"] in releases.names(client.server.releases.folder)


def test_unknown_users_and_empty_histories_get_best_sellers(client, shop):
    best = shop.item_vocabulary.ids[int(shop.item_counts.argmax())]
    for body in ({"user": "nobody yet"}, {}, {"history": []}):
        answer = ask(client, **body)
        assert items(answer)[0] == best
        assert {item["source"] for item in answer.json()["items"]} == {"popular"}


def test_a_history_gets_what_a_user_with_it_gets(client, shop):
    for user in users_of(shop)[:5]:
        rows = shop.of_users([user]).frame().sort("time")
        history = [{"item": row["item_id"], "time": row["time"]} for row in rows.to_dicts()]
        assert items(ask(client, history=history)) == items(ask(client, user=user))


def test_a_history_goes_on_from_the_stored_one(client, shop):
    user = users_of(shop)[0]
    one = ask(client, user=user, history=[shop.item_vocabulary.ids[0]]).json()
    stored = ask(client, user=user).json()
    assert one["history"]["events"] == stored["history"]["events"] + 1


def test_unknown_items_of_a_history_are_counted(client, shop):
    known = shop.item_vocabulary.ids[0]
    answer = ask(client, history=["never seen", known]).json()
    assert answer["history"] == {"events": 1, "unknown": 1}
    only = ask(client, history=["never seen"]).json()
    assert only["history"] == {"events": 0, "unknown": 1}
    assert {item["source"] for item in only["items"]} == {"popular"}


def test_long_histories_keep_the_newest_and_say_so(client, shop):
    history = [shop.item_vocabulary.ids[at % 10] for at in range(501)]
    answer = ask(client, history=history).json()
    assert answer["history"]["events"] == 500
    assert answer["history"]["older"] == 1
    assert "500" in answer["remarks"][0]


def test_repeats(client, shop):
    user = users_of(shop)[0]
    own = set(shop.of_users([user]).frame()["item_id"])
    assert not set(items(ask(client, user=user, repeats="forbid", n=20))) & own
    assert set(items(ask(client, user=user, repeats="only", n=20))) == own


def test_candidates_and_exclusions(client, shop):
    some = shop.item_vocabulary.ids.head(4).to_list()
    assert set(items(ask(client, user=users_of(shop)[0], candidates=some))) <= set(some)
    answer = ask(client, user=users_of(shop)[0], candidates=[*some, "none"], exclude=some[:2])
    assert set(items(answer)) <= set(some[2:])
    assert "1 of 5 candidates" in answer.json()["remarks"][0]
    many = [f"item {at}" for at in range(9_996)]
    answer = ask(client, candidates=[*some, *many], exclude=[*some[:2], *many])
    assert set(items(answer)) == set(some[2:])
    none = ask(client, candidates=some, exclude=some)
    assert items(none) == []
    assert none.json()["remarks"]


def test_filters_quotas_and_diversity(client, shop, shelves):
    column = shelves.columns_of("category")[0]
    of = dict(zip(shop.item_vocabulary.ids, shelves.table[column], strict=True))
    values = sorted(set(of.values()))
    user = users_of(shop)[1]
    for value in values:
        found = items(ask(client, user=user, filter={column: value}))
        assert found
        assert {of[item] for item in found} == {value}
    both = items(ask(client, user=user, filter={column: values[:2]}, n=20))
    assert {of[item] for item in both} <= set(values[:2])
    spread = items(ask(client, user=user, at_most={column: 1}))
    assert len(spread) == len({of[item] for item in spread}) == min(10, len(values))
    quota = items(ask(client, user=user, n=4, at_least={column: {values[-1]: 2}}))
    assert sum(of[item] == values[-1] for item in quota) >= 2
    assert len(quota) == 4
    refused = ask(client, filter={"no such column": "x"})
    assert refused.status_code == 422
    assert column in refused.json()["detail"]


def test_titles_and_reasons(client, shop, shelves):
    titles = dict(zip(shop.item_vocabulary.ids, shelves.titles(), strict=True))
    user = users_of(shop)[0]
    own = set(shop.of_users([user]).frame()["item_id"])
    for item in ask(client, user=user, explain=True).json()["items"]:
        assert item["title"] == titles[item["item"]]
        if item["source"] == "personal":
            assert item["because"]
            assert {reason["item"] for reason in item["because"]} <= own
            assert all(reason["contribution"] > 0 for reason in item["because"])


def test_reasons_of_a_mixture_name_an_item_once(tmp_path, shop):
    name = make_release(tmp_path, model("blend", parts="cosine + jaccard").fit(shop), shop)
    releases.activate(tmp_path, name, "a test")
    fill_store(tmp_path, shop)
    most = 0
    with running(tmp_path) as client:
        for user in users_of(shop)[:5]:
            for item in ask(client, user=user, explain=True).json()["items"]:
                reasons = [reason["item"] for reason in item.get("because", [])]
                assert len(reasons) == len(set(reasons))
                most = max(most, len(reasons))
    assert most > 1


def test_similar_items(client, shop):
    fitted = model("cosine").fit(shop)
    for item in shop.item_vocabulary.ids.head(5):
        answer = client.post("/v1/similar", json={"item": item, "n": 5})
        assert items(answer) == fitted.similar_items([item], 5).frame()["item_id"].to_list()
        assert {found["source"] for found in answer.json()["items"]} <= {"similar"}
    assert items(client.post("/v1/similar", json={"item": "none"})) == []


def test_a_batch_is_the_answers_one_by_one(client, shop):
    users = [*users_of(shop)[:4], "nobody yet"]
    batch = client.post("/v1/recommend:batch", json={"users": users, "n": 3}).json()
    for user, found in zip(users, batch["lists"], strict=True):
        single = ask(client, user=user, n=3).json()
        assert found["user"] == user
        assert found["items"] == single["items"]


def test_a_model_that_fails_is_replaced_by_best_sellers(served, shop, monkeypatch):
    with running(served) as client:
        lists = client.server.releases.served.lists

        def broken(*arguments, **named):
            raise RuntimeError("broken")

        monkeypatch.setattr(type(lists), "of_history", broken)
        answer = ask(client, user=users_of(shop)[0]).json()
        assert {item["source"] for item in answer["items"]} == {"fallback"}
        assert "could not answer" in answer["remarks"][0]
        assert b"spadework_model_failures_total" in client.get("/metrics").content


def test_numbers_as_ids(tmp_path, shop):
    """Ids are text in JSON, whatever their size; `7` is known, `07` is not."""
    base = 2**53
    rows = shop.frame().with_columns(item_id=base + shop.items.astype("int64"))
    from spadework.data.interactions import Interactions

    vocabulary, codes = Vocabulary.build(rows["item_id"])
    log = Interactions.from_codes(
        shop.users, codes, user_vocabulary=shop.user_vocabulary, item_vocabulary=vocabulary,
        times=shop.times,
    )  # fmt: skip
    name = make_release(tmp_path, model("cosine").fit(log), log)
    releases.activate(tmp_path, name, "a test")
    with running(tmp_path) as client:
        found = ask(client, history=[str(base + 1)]).json()
        assert found["history"] == {"events": 1}
        assert all(int(item["item"]) >= base for item in found["items"])
        for wrong in ("0" + str(base + 1), f"+{base + 1}", f"{base + 1}.0", str(10**30)):
            assert ask(client, history=[wrong]).json()["history"]["unknown"] == 1


@pytest.mark.parametrize("given", [1, "2024-01-02", "2024-01-02T10:00:00Z"])
def test_the_time_of_a_list_may_be_given(client, shop, given):
    assert ask(client, user=users_of(shop)[0], at=given).status_code == 200
    assert ask(client, user=users_of(shop)[0], at="yesterday").status_code == 422
    assert ask(client, at=time.time() * 1000).status_code == 422


@pytest.mark.parametrize("name", ["personal", "gp-topfreq", "personal(clock=time)"])
def test_best_sellers_of_a_model_of_own_items_are_popular(name, shop, tmp_path):
    releases.activate(tmp_path, make_release(tmp_path, model(name).fit(shop), shop), "test")
    with running(tmp_path) as client:
        items = shop.item_vocabulary.ids.to_list()
        found = ask(client, history=items[:2], n=8).json()["items"]
        assert len(found) == 8
        sources = {each["item"]: each["source"] for each in found}
        assert {item for item, source in sources.items() if source == "personal"} == set(items[:2])
        unseen = ask(client, history=items[:2], n=8, repeats="forbid").json()["items"]
        assert {each["source"] for each in unseen} == {"popular"}
