"""How easy a tree of this project is to move into, in a few numbers.

`python bench/rooms.py TREE [TREE …]` prints a Markdown table with a column for each checkout. It
reads files and runs nothing of theirs.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

WORDS = [
    "told",
    "asked",
    "unit",
    "units",
    "place",
    "places",
    "taken",
    "took",
    "takes",
    "people",
    "whoever",
    "nobody",
    "somebody",
    "anybody",
    "everybody",
    "moment",
    "moments",
    "kind",
    "kinds",
    "stand",
    "stands",
    "beside",
    "alike",
    "speak",
    "speaks",
    "speaking",
    "heard",
    "silent",
    "votes",
    "newest",
    "crowded",
    "restless",
    "raised",
    "deeds",
    "shelf",
    "shelves",
    "faces",
    "lessons",
    "practice",
    "practise",
    "practised",
    "course",
    "teaching",
    "looking",
    "withheld",
    "says",
    "said",
]


def sources(tree: Path) -> list[Path]:
    """The package's files."""
    return sorted((tree / "src" / "spadework").rglob("*.py"))


def largest_folder(tree: Path) -> str:
    """The folder with the most files that are not in a folder of their own."""
    folder, count = Counter(path.parent for path in sources(tree)).most_common(1)[0]
    return f"{count} ({folder.relative_to(tree / 'src' / 'spadework')})"


def widths(tree: Path) -> str:
    """The width that one line in a hundred exceeds, and the share of lines beyond 100 columns."""
    lines = sorted(
        len(line)
        for path in sources(tree)
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    beyond = sum(width > 100 for width in lines) / len(lines)
    return f"{lines[int(0.99 * len(lines))]} columns; {beyond:.1%} beyond 100"


def deepest_model(tree: Path) -> str:
    """Classes above the model that has most of them, among the classes of `models`."""
    bases: dict[str, list[str]] = {}
    for path in (tree / "src" / "spadework" / "models").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]

    def above(name: str) -> list[str]:
        chains = [[base, *above(base)] for base in bases.get(name, []) if base in bases]
        return max(chains, key=len, default=[])

    name, chain = max(((name, above(name)) for name in bases), key=lambda pair: len(pair[1]))
    return f"{len(chain)} ({' < '.join([name, *chain])})"


def words_left(tree: Path) -> str:
    """Parts of identifiers that are private words, and how many of them are different words."""
    found: Counter[str] = Counter()
    for path in sources(tree):
        text = path.read_text(encoding="utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                for part in re.split(r"_+|(?<=[a-z])(?=[A-Z])", token.string):
                    if part.lower() in WORDS:
                        found[part.lower()] += 1
    return f"{sum(found.values()):,} ({', '.join(word for word, _ in found.most_common(5))} …)"


def comments(tree: Path) -> str:
    """Full-line comments in the kernels."""
    kernels = (tree / "src" / "spadework" / "kernels").rglob("*.py")
    lines = [line for path in kernels for line in path.read_text(encoding="utf-8").splitlines()]
    return str(sum(line.lstrip().startswith("# ") for line in lines))


def tests(tree: Path) -> str:
    """Test functions in the tests."""
    found = [path.read_text(encoding="utf-8") for path in (tree / "tests").rglob("test_*.py")]
    return f"{sum(len(re.findall(r'^def test_', text, re.MULTILINE)) for text in found):,}"


def readme(tree: Path) -> str:
    """Lines of the README."""
    return str(len((tree / "README.md").read_text(encoding="utf-8").splitlines()))


ROWS = {
    "files in the largest flat folder": largest_folder,
    "widest 1% of lines": widths,
    "classes above the deepest model": deepest_model,
    "private words in identifiers": words_left,
    "full-line comments in kernels": comments,
    "test functions": tests,
    "lines of the README": readme,
}


def main(trees: list[Path]) -> None:
    """Print the table."""
    print(f"| what | {' | '.join(tree.resolve().name for tree in trees)} |")
    print("|---" * (1 + len(trees)) + "|")
    for what, measure in ROWS.items():
        print(f"| {what} | {' | '.join(measure(tree) for tree in trees)} |")


if __name__ == "__main__":
    main([Path(given) for given in sys.argv[1:]] or [Path()])
