#!/bin/sh
# rectools 0.19.0 (PyPI), Python 3.11, numpy 1.26.4, pandas 2.3.3, scipy 1.17.1.
#
# EASE scores a user with X·B, where B[i, j] = -P[i, j] / P[j, j] says what item i tells of item j. `EASEModel.weight` is that B, and the lists from
# item to item use it as it is. But `recommend` for users hands it as item vectors to a ranker that multiplies with their transpose, so users get
# X·Bᵀ: each item of the history is divided by its own diagonal, the proposed item by nothing. P is symmetric, so all is finite and looks right.
#
# Seen, 300 users × 8 of 40 items: largest difference of a score from X·B .29, from X·Bᵀ .0000001; lists of five that are those of X·B 1 %, those of
# X·Bᵀ 100 %. On MovieLens-1M, leave-one-out, X·B against X·Bᵀ (by numpy): hit rate@10 .1065 and .1015 with l2 100, .1101 and .1066 with l2 500.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    rectools==0.19.0 numpy==1.26.4 pandas==2.3.3 scipy==1.17.1 pm-implicit==0.7.3
cat > "$folder/ease.py" <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import EASEModel

random = np.random.default_rng(0)
users, items, each, k, l2 = 300, 40, 8, 5, 20.0
popular = (1 / np.arange(1, items + 1)) ** 0.8
rows = []
for user in range(users):
    likes = popular * np.where(np.arange(items) % 4 == user % 4, 6, 1)
    for item in random.choice(items, each, replace=False, p=likes / likes.sum()):
        rows.append((user, item, 1.0, "2026-01-01"))
log = pd.DataFrame(rows, columns=[Columns.User, Columns.Item, Columns.Weight, Columns.Datetime])
dataset = Dataset.construct(log)
model = EASEModel(regularization=l2).fit(dataset)

histories = dataset.get_user_item_matrix().toarray().astype(float)
inverse = np.linalg.inv(histories.T @ histories + l2 * np.eye(items))
weights = -inverse / np.diag(inverse)
np.fill_diagonal(weights, 0)
print(f"the model's weights are those of the paper: {np.allclose(weights, model.weight, atol=1e-5)}")

found = model.recommend(users=np.arange(users), dataset=dataset, k=k, filter_viewed=True)
found = found.sort_values([Columns.User, Columns.Rank])
row = dataset.user_id_map.convert_to_internal(found[Columns.User])
column = dataset.item_id_map.convert_to_internal(found[Columns.Item])
differ, equal = {}, {}
for name, matrix in {"X·B": weights, "X·Bᵀ": weights.T}.items():
    scores = histories @ matrix
    differ[name] = float(np.abs(scores[row, column] - found[Columns.Score].to_numpy()).max())
    lists = np.argsort(-np.where(histories > 0, -np.inf, scores), axis=1, kind="stable")[:, :k]
    equal[name] = float((lists == column.reshape(users, k)).all(axis=1).mean())
    print(f"{name:4}  largest difference of a score {differ[name]:.7f}  equal lists {equal[name]:.0%}")
told = np.allclose(weights, model.weight, atol=1e-5) and differ["X·B"] > 0.1 > 1e-4 > differ["X·Bᵀ"] and equal["X·B"] < 0.2
sys.exit(0 if told else 1)
PYTHON
"$folder/env/bin/python" "$folder/ease.py"
