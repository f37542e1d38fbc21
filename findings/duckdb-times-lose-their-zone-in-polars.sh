#!/bin/sh
# duckdb 2.0.0 with polars 2.1.0 (PyPI), Python 3.11.
#
# A column of TIMETZ holds a time of day with its own distance from UTC: 01:02:03+02 and 01:02:03-05 are seven hours apart. Fetched as Python values
# both keep it. Handed to polars (`.pl()`, and so by Arrow) both become the same time of day, 01:02:03, without a warning: a log whose time of
# day stands in such a column is out of order by hours. Cast to text in the query it stays whole. A column of BIT, such as flags of an event, comes as
# bytes of duckdb's own form: the first tells how many bits of the next are unused, which are set.
#
# Seen: fetchall 01:02:03+02:00 and 01:02:03-05:00; .pl() Time, one distinct value; '101'::BIT is b'\x05\xfd'.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check duckdb==2.0.0 polars==2.1.0 pyarrow==26.0.1
cat > "$folder/zones.py" <<'PYTHON'
import sys
import warnings

import duckdb

warnings.simplefilter("error")
query = "select unnest(['01:02:03+02'::timetz, '01:02:03-05'::timetz]) as clock"
fetched = [row[0].isoformat() for row in duckdb.sql(query).fetchall()]
frame = duckdb.sql(query).pl()["clock"]
texts = duckdb.sql(f"select clock::text as clock from ({query})").pl()["clock"].to_list()
bits = duckdb.sql("select '101'::bit as flags").pl()["flags"][0]
print(f"fetchall: {fetched}")
print(f".pl(): {frame.dtype}, {frame.n_unique()} distinct of {len(frame)}; as text {texts}; bits {bits!r}")
sys.exit(0 if len(set(fetched)) == 2 and frame.n_unique() == 1 and len(set(texts)) == 2 and bits == b"\x05\xfd" else 1)
PYTHON
"$folder/env/bin/python" "$folder/zones.py"
