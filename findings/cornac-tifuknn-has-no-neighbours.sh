#!/bin/sh
# cornac 3.0.1 (PyPI), Python 3.11, numpy 2.4.6, scipy 1.17.1.
#
# TIFU-KNN mixes a user's own decayed counts with the mean of those of the nearest users, item by item: alpha · own + (1 - alpha) · neighbours. Here the
# mean goes over users and items at once. It is one number, added to all items alike, so neighbours move no item past another: the order is that of the
# own counts for any alpha above 0 and any number of neighbours, and items that the user never bought tie. A search for `n_neighbors` and `alpha` finds
# no difference, and a table that compares "TIFU-KNN" compares own counts.
#
# Seen, 200 users × 6 baskets × 5 of 40 items, 50 users asked: neighbours 5 or 50, alpha .1 or .7: the four orders of all items are the same and
# equal that of the own counts; what is added differs between the items of a user by less than 1e-7. With the mean over users alone the
# orders differ for all 50 users.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check cornac==3.0.1 numpy==2.4.6 scipy==1.17.1
cat > "$folder/neighbours.py" <<'PYTHON'
import sys

import numpy as np
from cornac.data import BasketDataset
from cornac.models import TIFUKNN
from scipy.spatial import KDTree

random = np.random.default_rng(0)
users, baskets, items, each, asked = 200, 6, 40, 5, 50
events = []
for user in range(users):
    likes = np.where(np.arange(items) % 4 == user % 4, 8.0, 1.0)
    for basket in range(baskets):
        for item in random.choice(items, each, replace=False, p=likes / likes.sum()):
            events.append((f"user {user}", f"basket {user}-{basket}", f"item {item}", basket))
log = BasketDataset.from_ubit(events, seed=0)
histories = [history for _, _, [history] in log.ubi_iter(batch_size=1, shuffle=False)][:asked]


def order(scores):
    return np.argsort(-scores, axis=1, kind="stable")


orders, spreads = [], []
for neighbours in (5, 50):
    for alpha in (0.1, 0.7):
        model = TIFUKNN(n_neighbors=neighbours, alpha=alpha).fit(log)
        own = np.array([model._compute_user_vector(history) for history in histories])
        scores = np.array([model.score(user, history) for user, history in enumerate(histories)])
        orders.append(order(scores))
        spreads.append(np.ptp(scores - alpha * own, axis=1).max())
        print(f"neighbours {neighbours:2}  alpha {alpha}  what is added differs between items by at most {spreads[-1]:.1e}")
same = all(np.array_equal(order(own), one) for one in orders)
_, nearest = KDTree(model.user_vectors).query(own, k=5)
meant = order(0.1 * own + 0.9 * model.user_vectors[nearest].mean(axis=1))
moved = int((meant != order(own)).any(axis=1).sum())
print(f"all four orders equal that of the own counts: {same}; with the mean over users alone {moved} of {asked} differ")
sys.exit(0 if same and max(spreads) < 1e-6 and moved > asked // 2 else 1)
PYTHON
"$folder/env/bin/python" "$folder/neighbours.py" 2> "$folder/progress"
