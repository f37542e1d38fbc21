"""The field's words, in one table: what each means here. `spadework explain` finds them, and
docs/glossary.md is generated from them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term of the field and its meaning here."""

    name: str
    meaning: str
    also: tuple[str, ...] = ()  # other ways to write it


TERMS = (
    Term(
        "user",
        (
            "A customer, a visitor or an account that interacts with items. Identified by the "
            "ids of the log's user column."
        ),
        ("customer",),
    ),
    Term(
        "item",
        (
            "What can be recommended: a product, an article, a film. Identified by the ids "
            "of the log's item column."
        ),
        ("product",),
    ),
    Term(
        "interaction",
        (
            "One row of the log: a user, an item and, if the log has them, a time, a basket, a "
            "weight and an event type."
        ),
        ("event",),
    ),
    Term(
        "interaction log",
        "The table of interactions that everything is learned from. See sw.read_interactions.",
        ("log", "history log"),
    ),
    Term(
        "history",
        (
            "The interactions of one user before the time of the recommendation. A model "
            "recommends to a history, not to a user id."
        ),
    ),
    Term(
        "event type",
        (
            "What a row records, such as a view or a purchase. See the recipe's keys "
            "event, events and target."
        ),
        ("kind",),
    ),
    Term(
        "session",
        (
            "Interactions of one user with short pauses between them. Models of sessions: "
            "v-sknn, vmis-knn."
        ),
        ("visit",),
    ),
    Term(
        "basket",
        (
            "Items that a user had at once, such as one order. Models of the next basket: "
            "tifu-knn, up-cf, personal."
        ),
        ("transaction", "order"),
    ),
    Term(
        "timestamp",
        (
            "When an interaction happened. Rows of one user with equal timestamps are one "
            "step: their order is not known."
        ),
    ),
    Term(
        "implicit feedback",
        ("Interactions without a rating: an interaction shows interest; no row shows dislike."),
        ("implicit",),
    ),
    Term("positive", "An item that the user interacted with in the test span. See target."),
    Term(
        "target",
        "An item that the user interacted with in the test span: what a list should hold.",
        ("ground truth", "relevant item"),
    ),
    Term(
        "hold-out",
        "The part of the log that models do not learn from and are judged on. See split.",
        ("holdout", "test set"),
    ),
    Term(
        "validation span",
        "The hold-out before the test span. Models and hyperparameters are chosen on it.",
        ("validation", "valid"),
    ),
    Term("test span", "The last hold-out. The chosen models are judged on it once.", ("test",)),
    Term(
        "leave-one-out",
        "A split that holds out the last interaction of each user: last_item.",
        ("leave one out", "loo"),
    ),
    Term(
        "temporal split",
        "A split by date: models learn from nothing later than the cut. See by_time.",
        ("time split", "global temporal split"),
    ),
    Term(
        "data leak",
        "Something of the hold-out that a model could learn from, so that its score is too good.",
        ("leakage", "leak"),
    ),
    Term(
        "ranking",
        (
            "The items of a list in the order of their scores. All items of the catalogue are "
            "ranked, never a sample of them."
        ),
    ),
    Term(
        "candidate generation",
        (
            "The first stage: each model proposes a few hundred items. See the parameter "
            "candidates of blend."
        ),
        ("retrieval",),
    ),
    Term(
        "re-ranking",
        (
            "The second stage: a model that knows more about the candidates ranks them again. "
            "See boosted."
        ),
        ("reranking", "second stage"),
    ),
    Term("ensemble", "A model made of models: blend, prior, boosted.", ("mixture", "hybrid")),
    Term(
        "stacking",
        "Learning the weights of an ensemble on an inner hold-out: blend(how=learned).",
        ("stacking weights",),
    ),
    Term(
        "hyperparameter",
        (
            "A setting of a model that is chosen and not learned, such as l2 of ease. A dig "
            "searches them."
        ),
        ("parameter", "setting"),
    ),
    Term(
        "hyperparameter search",
        "Trying settings near the best with optuna's tree of Parzen estimators.",
        ("tuning", "hpo"),
    ),
    Term(
        "successive halving",
        (
            "Giving every family of models a little time, then more to the better half, and so "
            "on. A dig spends its budget so."
        ),
        ("halving",),
    ),
    Term(
        "grid search",
        (
            "Trying every combination of a few values. The core of the sweep of co-occurrence "
            "settings is one."
        ),
        ("sweep",),
    ),
    Term(
        "baseline", "What every model has to beat: popular, popular(window=7d), random.", ("floor",)
    ),
    Term(
        "cold start",
        (
            "Users or items with little or no history. Items: content, cease, add-ease. Users: "
            "popular."
        ),
        ("cold-start", "cold item", "cold user"),
    ),
    Term(
        "content",
        "What is known about items besides interactions: title, category, text, numbers, vectors.",
        ("item features", "metadata"),
    ),
    Term(
        "co-occurrence",
        (
            "Items that appear in the same histories, sessions or baskets. Counted once, "
            "weighed in many ways."
        ),
        ("cooccurrence matrix",),
    ),
    Term(
        "item-item",
        "A model that scores an item by its similarity to the items of the history.",
        ("item-to-item", "item knn", "itemknn"),
    ),
    Term(
        "matrix factorisation",
        "Vectors of users and items whose product is the score: ials, elsa.",
        ("matrix factorization", "als", "factors"),
    ),
    Term(
        "closed form",
        (
            "A model whose best weights are found by one formula and not by descent: ease, "
            "forward-ridge."
        ),
        ("closed-form",),
    ),
    Term("collaborative filtering", "Recommending from the interactions of other users.", ("cf",)),
    Term(
        "sequential recommendation",
        "Predicting the next item from the order of the last ones: forward, transformer.",
        ("sequence model",),
    ),
    Term(
        "next-basket recommendation",
        "Predicting the whole next basket, where most items are repeats.",
        ("next basket", "nbr"),
    ),
    Term(
        "repeat consumption",
        (
            "Having an item again. Where it is common, personal and tifu-knn are hard to beat. "
            "See repeats."
        ),
        ("repeat purchase",),
    ),
    Term(
        "popularity bias",
        "Lists that hold popular items more often than users have them. Findings POP-1 to POP-4.",
        ("pop bias",),
    ),
    Term(
        "long tail", "The many items that few users interact with. Metric: tail.", ("tail items",)
    ),
    Term(
        "drift",
        "The items that users interact with change with time. Findings TIME-1 to TIME-5.",
        ("trend", "concept drift"),
    ),
    Term("half-life", "The age after which an interaction counts half.", ("decay",)),
    Term(
        "shrinkage",
        "Reducing scores that rest on few counts. The parameter shrink.",
        ("shrink", "smoothing"),
    ),
    Term(
        "regularisation",
        "A penalty on large weights, so that the model does not learn chance: l2.",
        ("regularization", "ridge"),
    ),
    Term(
        "negative sampling",
        "Comparing a positive with some other items instead of all. See negatives and logq.",
        ("negatives sampler",),
    ),
    Term(
        "LogQ correction",
        (
            "Subtracting the logarithm of how likely a negative was drawn, so that popular ones "
            "are not punished."
        ),
        ("sampled softmax correction",),
    ),
    Term(
        "confidence interval",
        (
            "Where the value would lie for other users like these, in 95 of 100 cases. From "
            "resampled users."
        ),
        ("interval", "bootstrap"),
    ),
    Term(
        "paired difference",
        "Two models compared user by user, which is far sharper than comparing their means.",
        ("paired test",),
    ),
    Term(
        "metric convention",
        "Recall and NDCG are defined differently in different papers. Here: dialect.",
        ("metric variant",),
    ),
    Term(
        "finding",
        (
            "A statement about the log with its level, its effect and advice, from a check or "
            "from a question. Levels: blocker, strong, weak, note."
        ),
        ("level of a finding",),
    ),
    Term(
        "blocker",
        (
            "A level of findings: nothing can be learned from this log. A dig ends with 2 and "
            "keeps no model, look --strict with 1. Correct the log first."
        ),
    ),
    Term(
        "strong",
        (
            "A level of findings. Of a question: very unlikely to be chance, and even the lower "
            "end of the interval is at least 5%. A check says itself what is strong."
        ),
    ),
    Term(
        "weak",
        "A level of findings. Of a question: unlikely to be chance, and at least 3% on average.",
    ),
    Term(
        "note",
        (
            "A level of findings: the effect may be chance, is too small to matter or does harm; "
            "or a fact that asks for nothing."
        ),
        ("quiet",),
    ),
    Term(
        "registry",
        (
            "A table of names: models, weights, metrics, splits. What is added to it appears in "
            "every command."
        ),
        ("shelf",),
    ),
    Term(
        "group",
        (
            "What two items must share to be counted as a pair: a user, a session or a basket. "
            "The parameter group."
        ),
        ("unit", "counting unit"),
    ),
    Term(
        "channel",
        (
            "One way to count pairs: group, distance, direction, decay and entry weight. Several "
            "are counted in one pass."
        ),
        ("lane",),
    ),
    Term(
        "rung",
        (
            "A nested sample of users: settings are judged on a small one first, and the best "
            "climb to larger ones."
        ),
        ("sample of users",),
    ),
    Term(
        "example users",
        (
            "Some users with their history, their next items, and the list of each model. "
            "Report, under Faces."
        ),
        ("faces",),
    ),
    Term(
        "run",
        "The folder that a dig leaves: data, findings, scores, models, report.",
        ("run folder",),
    ),
    Term(
        "artifact",
        "One fitted model as a folder of plain arrays and JSON. sw.save, sw.load.",
        ("model file", "checkpoint"),
    ),
    Term(
        "item similarity",
        "How similar two items are, by a model: spadework similar.",
        ("related items", "similar items"),
    ),
)


def entries() -> list[dict[str, str]]:
    """A row for each name and each other way to write it."""
    rows = []
    for term in TERMS:
        also = f" Also: {', '.join(term.also)}." if term.also else ""
        rows.append({"name": term.name, "kind": "term", "says": term.meaning + also})
        rows += [
            {"name": alias, "kind": "term", "says": f"{term.name}: {term.meaning}"}
            for alias in term.also
        ]
    return rows
