#!/bin/sh
# pytrec-eval-terrier 0.5.11 (PyPI), Python 3.11, numpy 2.4.6.
#
# Lists are handed over as item: score, with Python floats of 64 bits. They are kept in 32 bits, and items that tie there are ordered by their ids, as
# text and backwards ("item 9" before "item 10" before "item 1"), not in the order in which they came. Scores that are moments ("what was seen last comes
# first") are all alike within about two minutes, whether in seconds or in milliseconds, and so are probabilities next to 1. Nothing tells so; the
# metrics just fall. Ranks (1 / place) as scores give what is meant.
#
# Seen, 300 users who saw 20 items, one every five seconds, the target is the one seen last, the list is by the time seen:
#   score                    mrr    ndcg@5
#   1 / place                1.000  1.000
#   seconds since 1970       0.283  0.284
#   milliseconds since 1970  0.329  0.344
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check pytrec-eval-terrier==0.5.11 numpy==2.4.6
cat > "$folder/scores.py" <<'PYTHON'
import sys

import numpy as np
import pytrec_eval

random = np.random.default_rng(0)
users, each = 300, 20
seen, truth = {}, {}
for user in range(users):
    items = [f"item {item}" for item in random.choice(500, each, replace=False)]
    begins = 1_700_000_000 + int(random.integers(0, 10_000_000))
    seen[f"user {user}"] = dict(zip(items, (begins + np.arange(each) * 5).tolist(), strict=True))
    truth[f"user {user}"] = {items[-1]: 1}

forms = {
    "1 / place": lambda at, moment: 1 / (each - at),
    "seconds since 1970": lambda at, moment: float(moment),
    "milliseconds since 1970": lambda at, moment: float(moment * 1_000),
}
judge = pytrec_eval.RelevanceEvaluator(truth, {"recip_rank", "ndcg_cut_5"})
found = {}
print(f"{'score':24} mrr    ndcg@5")
for name, score in forms.items():
    run = {user: {item: score(at, moment) for at, (item, moment) in enumerate(items.items())} for user, items in seen.items()}
    distinct = all(len(set(items.values())) == each for items in run.values())
    values = judge.evaluate(run).values()
    found[name] = np.mean([one["recip_rank"] for one in values]), np.mean([one["ndcg_cut_5"] for one in values])
    print(f"{name:24} {found[name][0]:.3f}  {found[name][1]:.3f}  all scores of a user distinct: {distinct}")
place, seconds, milliseconds = (value for value, _ in found.values())
sys.exit(0 if place == 1 and seconds < 0.9 and milliseconds < 0.9 else 1)
PYTHON
"$folder/env/bin/python" "$folder/scores.py"
