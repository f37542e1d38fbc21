#!/bin/sh
# recommenders 1.2.1 (PyPI), Python 3.11, pandas 2.3.3, numpy 1.26.4, scipy 1.15.3, scikit-learn 1.7.2.
#
# Two of the seven similarities of SAR are not what they are called. "lexicographers mutual information" is said to be the mutual information times the
# count of each pair. The counts are a scipy matrix, for which * is the product of matrices, so the similarity of two items is a sum over all
# items. And two items that nobody took together have the logarithm of 0, -inf. With "mutual information" each item that misses one item of the
# history scores -inf, with the other one every item; rows with -inf are then left out of the answer. On any catalogue where most pairs never
# meet, the lists are short or the answer is empty, without an error or a warning; metrics of the same library then skip those users.
#
# Seen, 10 items asked for each of 400 users, 12 (8) items each:
#   30 items, all pairs meet:  similarity equal to count · mutual information False, to their matrix product True
#   120 items, 94 % of pairs meet: items in all lists 4000 with cosine, 4000 with mutual information, 699 with lexicographers'
#   400 items, 13 % of pairs meet: items in all lists 4000 with cosine, 0 with both others
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    numpy==1.26.4 pandas==2.3.3 scipy==1.15.3 scikit-learn==1.7.2
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check --no-deps recommenders==1.2.1
cat > "$folder/lists.py" <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from recommenders.models.sar.sar_singlenode import SARSingleNode

random = np.random.default_rng(0)
users, k = 400, 10
names = ("cosine", "mutual information", "lexicographers mutual information")


def log_of(items, each, groups):
    rows = []
    for user in range(users):
        likes = np.where(np.arange(items) % groups == user % groups, 10.0, 1.0)
        for item in random.choice(items, each, replace=False, p=likes / likes.sum()):
            rows.append((user, item, 1.0))
    return pd.DataFrame(rows, columns=["userID", "itemID", "rating"])


def fitted(log, name):
    model = SARSingleNode(similarity_type=name)
    model.fit(log)
    return model


dense = log_of(30, 12, 6)
counts, information, found = (
    np.asarray(fitted(dense, name).item_similarity.todense() if name == "cooccurrence" else fitted(dense, name).item_similarity)
    for name in ("cooccurrence", *names[1:])
)
by_pair, by_matrix = np.allclose(found, counts * information), np.allclose(found, counts @ information)
print(f"30 items, {(counts > 0).mean():.0%} of pairs meet: equal to count · information {by_pair}, to the matrix product {by_matrix}")
placed = {}
for items, each, groups in ((120, 12, 6), (400, 8, 20)):
    log = log_of(items, each, groups)
    meet = (fitted(log, "cooccurrence").item_similarity > 0).sum() / items**2
    for name in names:
        placed[items, name] = len(fitted(log, name).recommend_k_items(log, top_k=k, remove_seen=True))
        print(f"{items} items, {meet:.0%} of pairs meet: {name:33} {placed[items, name]} items in all lists")
told = (
    by_matrix
    and not by_pair
    and placed[120, names[0]] == placed[400, names[0]] == users * k
    and placed[120, names[2]] < users * k
    and placed[400, names[1]] == placed[400, names[2]] == 0
)
sys.exit(0 if told else 1)
PYTHON
"$folder/env/bin/python" "$folder/lists.py" 2> "$folder/warnings"
