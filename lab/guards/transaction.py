"""A database transaction around the section."""

from __future__ import annotations

from typing import Any

from lab.guard import Guard, Section
from lab.store import TransactionalStore
from lab.world.protocol import World


class TransactionGuard(Guard):
    """One actor at a time, by a transaction that takes the write lock when it begins (`BEGIN IMMEDIATE`).

    A deferred transaction would not do: two actors could both read before either writes.
    """

    name = "transaction"
    needs_store = TransactionalStore

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section in a transaction; what it wrote is dropped if it raises."""
        world.store.begin()
        try:
            returned = section(world, actor)
        except BaseException:
            world.store.rollback()
            raise
        world.store.commit()
        return returned
