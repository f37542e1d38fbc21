#!/bin/sh
# pandas 3.1.1 (PyPI), Python 3.11, numpy 2.4.6.
#
# Logs of reviews come as JSON lines whose item ids are texts, among them ISBNs: "0001713353", "000171335X". JSON says that they are texts, but
# `read_json` makes numbers of a column of texts where all of its values are digits, and the zeros are gone. Read in pieces (`chunksize`, the usual way
# for files of many GB), each piece decides for itself: an id is the number 1713353 in one piece and the text "0001713353" in the next, so that after
# `concat` one item is two, and a join with the table of items loses the rows of some pieces alone. `dtype=False` keeps all ids as they are.
#
# Seen, 3,000 rows of 40 items, of which one ends in X and is met in the last hundred rows only:
#   in pieces of 500 rows      items  79 of 40, as int and str
#   at once                    items  40 of 40, as str
#   the first 500 rows         items  39 of 40, as int
#   in pieces, dtype=False     items  40 of 40, as str
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check numpy==2.4.6 pandas==3.1.1 python-dateutil==4.0.0
cat > "$folder/ids.py" <<'PYTHON'
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

path = Path(sys.argv[1])
random = np.random.default_rng(0)
rows = [
    {"reviewerID": f"A{user:05}", "asin": f"{1_713_000 + item:010}"}
    for user in range(300)
    for item in random.integers(0, 39, 10)
]
for row in rows[-100::20]:
    row["asin"] = "000171335X"
path.write_text("\n".join(json.dumps(row) for row in rows))
written = len({row["asin"] for row in rows})


def counted(name, frame):
    kinds = sorted({type(value).__name__ for value in frame["asin"].tolist()})
    print(f"{name:26} items {frame['asin'].nunique():3} of {written}, as {' and '.join(kinds)}")
    return frame["asin"].nunique(), kinds


pieces = counted("in pieces of 500 rows", pd.concat(pd.read_json(path, lines=True, chunksize=500)))
whole = counted("at once", pd.read_json(path, lines=True))
digits = counted("the first 500 rows", pd.read_json(path, lines=True, nrows=500))
kept = counted("in pieces, dtype=False", pd.concat(pd.read_json(path, lines=True, chunksize=500, dtype=False)))
told = whole == kept == (written, ["str"]) and digits[1] == ["int"] and pieces[0] > written and pieces[1] == ["int", "str"]
sys.exit(0 if told else 1)
PYTHON
"$folder/env/bin/python" "$folder/ids.py" "$folder/reviews.jsonl"
