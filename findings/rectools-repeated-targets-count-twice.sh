#!/bin/sh
# rectools 0.19.0 (PyPI), Python 3.11, numpy 1.26.4, pandas 2.3.3, scipy 1.17.1.
#
# The metrics take a table of interactions as the truth. Where a user took an item twice in that span, as in any log of purchases or plays, one recommended
# item is several hits at the same place: Precision and NDCG exceed 1, Recall and MAP weigh by events and not by items. A random list gains as
# well, so values of logs with repeats cannot be compared with those of other tools, and the order of two models can turn. The AUC of the same
# module drops repeats, and so do other libraries. A test span must be made distinct first; neither the metrics nor the splitters do it or say so.
#
# Seen, one user, list (7, 8), truth 7, 7, 9:
#   as it is       precision@1 2.0000  precision@2 1.0000  recall@2 0.6667  ndcg@1 2.0000  ndcg@2 1.2263  map@2 0.6667
#   made distinct  precision@1 1.0000  precision@2 0.5000  recall@2 0.5000  ndcg@1 1.0000  ndcg@2 0.6131  map@2 0.5000
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
    rectools==0.19.0 numpy==1.26.4 pandas==2.3.3 scipy==1.17.1 pm-implicit==0.7.3
cat > "$folder/repeats.py" <<'PYTHON'
import sys

import pandas as pd
from rectools import Columns
from rectools.metrics import MAP, NDCG, Precision, Recall, calc_metrics

metrics = {
    "precision@1": Precision(k=1),
    "precision@2": Precision(k=2),
    "recall@2": Recall(k=2),
    "ndcg@1": NDCG(k=1, divide_by_achievable=True),
    "ndcg@2": NDCG(k=2, divide_by_achievable=True),
    "map@2": MAP(k=2),
}
lists = pd.DataFrame({Columns.User: [1, 1], Columns.Item: [7, 8], Columns.Rank: [1, 2]})
truth = pd.DataFrame({Columns.User: [1, 1, 1], Columns.Item: [7, 7, 9]})
found = {}
for name, table in (("as it is", truth), ("made distinct", truth.drop_duplicates())):
    found[name] = calc_metrics(metrics, lists, table)
    print(f"{name:13}  " + "  ".join(f"{metric} {found[name][metric]:.4f}" for metric in metrics))
repeated, distinct = found.values()
told = (
    repeated["precision@1"] == repeated["ndcg@1"] == 2
    and distinct["precision@1"] == distinct["ndcg@1"] == 1
    and all(repeated[metric] > distinct[metric] for metric in metrics)
)
sys.exit(0 if told else 1)
PYTHON
"$folder/env/bin/python" "$folder/repeats.py"
