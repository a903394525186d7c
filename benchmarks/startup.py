"""How long `import scanml` and `--help` take, as whole processes.

python -m benchmarks.startup
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks._record import measure_seconds, record

MINUTES = 0.3

COMMANDS = {
    "python": ["-c", "pass"],
    "import scanml": ["-c", "import scanml"],
    "scanml --help": ["-m", "scanml", "--help"],
    "scanml train --help": ["-m", "scanml", "train", "--help"],
}
REPEATS = 9


def main() -> None:
    values = {
        name: measure_seconds(lambda words=words: _run(words), repeats=REPEATS) for name, words in COMMANDS.items()
    }
    record("startup", values, settings={"repeats": REPEATS, "includes": "the interpreter's own start"})


def _run(words: list[str]) -> None:
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


if __name__ == "__main__":
    main()
