#!/bin/sh
# recommenders 1.2.1 (PyPI), Python 3.11, pandas 2.3.3, numpy 1.26.4, scipy 1.15.3, scikit-learn 1.7.2.
#
# The metrics of one module, asked with the same two tables, are means over three different sets of users. Precision, recall and MAP are means over
# the users who have both targets and a list: a model that answers few users is judged on those alone. NDCG is a mean over all users with targets; who has
# no list counts 0. R-precision is a mean over the users with a hit among their first R: who has none is not counted as 0 but left out. The docstrings
# say nothing of it.
#
# Seen, 100 users with one target each, lists for 10 of them, 5 of which hit at rank 1:
#   precision_at_k .50  recall_at_k .50  map_at_k .50  ndcg_at_k .05  r_precision_at_k 1.00
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
cat > "$folder/metrics.py" <<'PYTHON'
import sys

import pandas as pd
from recommenders.evaluation import python_evaluation as metrics

users, answered, hit = 100, 10, 5
truth = pd.DataFrame({"userID": range(users), "itemID": 7, "rating": 1.0})
lists = pd.DataFrame(
    [(user, 7 if user < hit else 8, 1.0) for user in range(answered)],
    columns=["userID", "itemID", "prediction"],
)
names = ("precision_at_k", "recall_at_k", "map_at_k", "ndcg_at_k", "r_precision_at_k")
found = {name: float(getattr(metrics, name)(truth, lists, k=1)) for name in names}
print("  ".join(f"{name} {value:.2f}" for name, value in found.items()))
told = {"precision_at_k": 0.5, "recall_at_k": 0.5, "map_at_k": 0.5, "ndcg_at_k": 0.05, "r_precision_at_k": 1.0}
sys.exit(0 if all(abs(found[name] - told[name]) < 1e-9 for name in names) else 1)
PYTHON
"$folder/env/bin/python" "$folder/metrics.py"
