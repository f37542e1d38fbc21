#!/bin/sh
# kindling-rec 1.0.4 (PyPI), Python 3.11, pandas 3.1.1, numpy 2.4.6, scipy 1.17.1.
#
# `engine.activation_plan` is offered as the record of which channels were turned on and why. It is drawn from what was decided before the held-out
# gate. A channel that the gate then switches off still stands there as ON, with its weight; that it is off is told only by
# fit_summary()["profile"]["channels_gated"]; the lists are made without it.
#
# Seen, 300 users × 10 events in four groups of items: channels_gated ['user_cf'], weight in use 0.0, the plan's active channels
# ['last_item', 'user_cf'], its summary "[ON ] user_cf x1.0"; and the lists are those of an engine made with user_cf_alpha=0.0.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check \
    kindling-rec==1.0.4 numpy==2.4.6 pandas==3.1.1 scipy==1.17.1 python-dateutil==4.0.0 tzdata==2026.6
cat > "$folder/plan.py" <<'PYTHON'
import sys

import numpy as np
import pandas as pd
from kindling import Engine

random = np.random.default_rng(0)
users, items, each = 300, 200, 10
entity = np.repeat(np.arange(users), each)
group = np.repeat(random.integers(0, 4, users), each)
own = group * 50 + random.zipf(1.5, users * each) % 50
item = np.where(random.random(users * each) < 0.7, own, random.integers(0, items, users * each))
log = pd.DataFrame({"entity_id": entity.astype(str), "item_id": item.astype(str)})
asked = [str(user) for user in range(users)]


def lists(engine):
    return [[one.item_id for one in found] for found in engine.recommend_batch(asked, n=10)]


engine = Engine().fit(log)
without = Engine(user_cf_alpha=0.0).fit(log)
gated, active = engine.fit_summary()["profile"]["channels_gated"], engine.activation_plan.active_channels
line = next(line for line in engine.activation_plan.summary().splitlines() if "user_cf" in line)
same = lists(engine) == lists(without)
print(f"gated {gated}, active by the plan {active}")
print(line)
print(f"lists equal to those without the channel: {same}")
sys.exit(0 if gated == ["user_cf"] and "user_cf" in active and "[ON ]" in line and same else 1)
PYTHON
"$folder/env/bin/python" "$folder/plan.py"
