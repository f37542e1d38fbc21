#!/bin/sh
# polars 2.1.0 with fastexcel 0.21.0 (PyPI), Python 3.11.
#
# A sheet has a column of item ids: whole numbers first, ids such as A251 from row 251 on. `polars.read_excel` takes the type of a column from its
# first rows and makes every later id that is no number missing, without a warning: a log loses its newer items. Where a row holds nothing else, the
# row is gone, too. fastexcel by itself looks at 1,000 rows and does the same after these. With `infer_schema_length=None` all ids are there, as
# texts; those that were whole numbers are then texts too.
#
# Seen, 250 numbers and 50 texts: 50 of 300 missing, the column is Int64; with infer_schema_length=None 0 missing, String. fastexcel,
# 1,000 numbers and 50 texts: 50 missing.
#
# Exit 0: as told. Exit 1: it behaves otherwise now.
set -eu
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check polars==2.1.0 fastexcel==0.21.0 xlsxwriter==3.3.1
cat > "$folder/ids.py" <<'PYTHON'
import sys
import warnings

import fastexcel
import polars as pl
import xlsxwriter

warnings.simplefilter("error")
folder = sys.argv[1]


def sheet(numbers, texts):
    path = f"{folder}/{numbers}.xlsx"
    book = xlsxwriter.Workbook(path)
    page = book.add_worksheet("log")
    page.write_row(0, 0, ["item_id", "user_id"])
    for row in range(1, numbers + texts + 1):
        page.write_row(row, 0, [row if row <= numbers else f"A{row}", row % 7])
    book.close()
    return path


short, long = sheet(250, 50), sheet(1000, 50)
guessed = pl.read_excel(short)["item_id"]
asked = pl.read_excel(short, infer_schema_length=None)["item_id"]
alone = pl.DataFrame(fastexcel.read_excel(long).load_sheet(0))["item_id"]
print(f"read_excel: {guessed.dtype}, {guessed.null_count()} of {len(guessed)} missing")
print(f"infer_schema_length=None: {asked.dtype}, {asked.null_count()} missing")
print(f"fastexcel: {alone.dtype}, {alone.null_count()} of {len(alone)} missing")
sys.exit(0 if (guessed.null_count(), asked.null_count(), alone.null_count()) == (50, 0, 50) else 1)
PYTHON
"$folder/env/bin/python" "$folder/ids.py" "$folder"
