"""Runs the console blocks of a page, and writes what they print below each command: `python docs/make_output.py README.md`.

The figures are this machine's, at this moment: let it be idle.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

NAMED = re.compile(r"^```(?:python|toml)\n(# (\S+\.(?:py|toml))\n.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files(text: str) -> dict[str, str]:
    """The blocks of a page that are files, which begin with their name as a comment."""
    return {name: block for block, name in NAMED.findall(text)}


def commands(block: str) -> list[str]:
    """The commands of a console block."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def run(command: str, folder: Path) -> str:
    """What a command prints in a folder, where Python finds modules, too. A violation that is found is no failure."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(folder)}
    ended = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if ended.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with exit code {ended.returncode}")
    return ended.stdout


def renewed(text: str) -> str:
    """The page with new output."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, block in files(text).items():
            (folder / file).write_text(block)
        return CONSOLE.sub(
            lambda match: (
                "```console\n" + "".join(f"$ {one}\n{run(one, folder)}" for one in commands(match[1])) + "```"
            ),
            text,
        )


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]):
        page.write_text(renewed(page.read_text()))
