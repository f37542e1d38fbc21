#!/bin/sh
# lightgbm 4.7.0 (PyPI), Python 3.11, numpy 2.4.6, scipy 1.17.1.
#
# A second stage is often grown on candidates among which most users have no target. In `ndcg` (and `map`) such a user counts as a perfect 1, so a model
# without any use shows a high value. And where groups have weights, that 1 is added without the weight while the sum is divided by the weights: `ndcg` is
# then no mean any more. With weights below 1 it exceeds 1, with weights above 1 a perfect model stays far below it. `map` of the same model
# is weighted as one expects. The smaller the share of users with a target, the more the number tells of the weights and not of the order.
#
# Seen, 200 users × 20 candidates, 80 of the users with one target, a model that ranks every target first (all should be 1):
#   no weights          ndcg@10 1.0000  map@10 1.0000
#   all weights 0.1     ndcg@10 6.4000  map@10 1.0000
#   all weights 10      ndcg@10 0.4600  map@10 1.0000
# and a constant model whose targets stand last: ndcg@10 .6000, which is the share of users without a target; over users with one it is 0.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check lightgbm==4.7.0 numpy==2.4.6 scipy==1.17.1
cat > "$folder/ndcg.py" <<'PYTHON'
import sys

import lightgbm
import numpy as np

users, each, with_target = 200, 20, 80
target = np.zeros((users, each), dtype=int)
target[:with_target, -1] = 1
settings = {
    "objective": "lambdarank", "metric": ["ndcg", "map"], "eval_at": [10], "min_data_in_leaf": 1, "verbose": -1, "num_threads": 1,
}


def measured(fact, weight):
    weights = None if weight is None else np.full(users * each, weight)
    rows = lightgbm.Dataset(fact.reshape(-1, 1), target.ravel(), group=np.full(users, each), weight=weights)
    told = {}
    lightgbm.train(settings, rows, 5, valid_sets=[rows], callbacks=[lightgbm.record_evaluation(told)])
    (values,) = told.values()
    return float(values["ndcg@10"][-1]), float(values["map@10"][-1])


found = {}
for name, weight in (("no weights", None), ("all weights 0.1", 0.1), ("all weights 10", 10.0)):
    found[name] = measured(target.astype(float), weight)
    print(f"{name:16}  ndcg@10 {found[name][0]:.4f}  map@10 {found[name][1]:.4f}")
constant = measured(np.zeros((users, each)), None)[0]
print(f"a constant model, targets last: ndcg@10 {constant:.4f}, users without a target {1 - with_target / users:.4f}")
told = (
    np.allclose(found["no weights"], 1)
    and found["all weights 0.1"][0] > 1.5
    and found["all weights 10"][0] < 0.7
    and np.allclose([found["all weights 0.1"][1], found["all weights 10"][1]], 1)
    and np.isclose(constant, 1 - with_target / users)
)
sys.exit(0 if told else 1)
PYTHON
"$folder/env/bin/python" "$folder/ndcg.py" 2> "$folder/warnings"
