#!/bin/sh
# river 0.26.1 (PyPI), Python 3.11, numpy 2.4.6, scipy 1.17.1.
#
# `predict_one` and `rank` of the models in `river.reco` are no pure questions. Who or what is met for the first time gets an entry and, in models of
# factors, a random vector that stays: the model grows with everybody who is asked about, and the generator that gives the first vectors of later
# users and items moves on. So one that answers strangers while it learns comes to other factors, scores and lists than one that only learns, from the same
# events and the same seed. A replay of a log with questions (prequential evaluation) is not the model that the log alone gives.
#
# Seen, 400 ratings of 20 users and 15 items, three strangers asked about at every tenth event, or nobody:
#   BiasedMF  users in the model 20 and 140, largest difference of a prediction .19, users whose list of five differs 20 of 20
#   Baseline  users in the model 20 and 140, largest difference of a prediction 0, users whose list of five differs 0 of 20
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check river==0.26.1 numpy==2.4.6 scipy==1.17.1
cat > "$folder/asking.py" <<'PYTHON'
import random
import sys

from river import reco

chance = random.Random(1)
users, items = [f"user {at}" for at in range(20)], [f"item {at}" for at in range(15)]
log = [(chance.choice(users), chance.choice(items), chance.randint(1, 5)) for _ in range(400)]


def learned(kind, asked):
    model = kind(seed=7)
    for at, (user, item, rating) in enumerate(log):
        if asked and at % 10 == 0:
            for stranger in range(3):
                model.predict_one(user=f"stranger {at}-{stranger}", item=item)
        model.learn_one(user=user, item=item, y=rating)
    return model


def compared(kind, known):
    quiet, asked = learned(kind, False), learned(kind, True)
    sizes = len(getattr(quiet, known)), len(getattr(asked, known))
    differ = max(
        abs(quiet.predict_one(user=user, item=item) - asked.predict_one(user=user, item=item))
        for user in users
        for item in items
    )
    lists = sum(quiet.rank(user=user, items=items)[:5] != asked.rank(user=user, items=items)[:5] for user in users)
    print(
        f"{kind.__name__:9} users in the model {sizes[0]} and {sizes[1]}, largest difference of a prediction "
        f"{differ:.2f}, users whose list of five differs {lists} of {len(users)}"
    )
    return sizes, differ, lists


biased = compared(reco.BiasedMF, "u_latents")
baseline = compared(reco.Baseline, "u_biases")
grown = all(sizes == (20, 140) for sizes, _, _ in (biased, baseline))
sys.exit(0 if grown and biased[2] > len(users) // 2 and baseline[1] < 1e-9 else 1)
PYTHON
"$folder/env/bin/python" "$folder/asking.py"
