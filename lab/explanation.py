"""What an exploration says, as text: the verdict of each cell, the schedule that fails operation by operation, figures."""

from __future__ import annotations
