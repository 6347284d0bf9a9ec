"""One self-contained HTML page of a results or an exploration folder. jinja2 is imported when a page is made."""

from __future__ import annotations

from pathlib import Path

from lab import archive
from lab.errors import OutputError, UsageError
from lab.writing import write_atomically

PAGE = "report.html"
EXPLORATION = "exploration.json"


def report(folder: str | Path) -> Path:
    """Write `report.html` into the folder, in the place of an older one, and return its path.

    UsageError if the folder holds neither results nor an exploration, OutputError if the page can't be written.
    """
    folder = Path(folder)
    page = folder / PAGE
    text = _exploration(folder) if (folder / EXPLORATION).is_file() else _results(folder)
    try:
        write_atomically(page, text)
    except OSError as error:
        raise OutputError(f"can't write {page}: {error.strerror}. Make room there, or mend its permissions.") from error
    return page


def _exploration(folder: Path) -> str:
    from lab.report.exploration_page import exploration_page

    return exploration_page(folder)


def _results(folder: Path) -> str:
    from lab.report.results_page import results_page

    try:
        archive.experiment_of(folder)
    except UsageError as error:
        raise UsageError(
            f"{folder} holds no results and no exploration: expected a folder that `lab run`, `lab race` or "
            "`lab explore` has made."
        ) from error
    return results_page(folder)
