"""The stores, each by the name that the command line and the tables give it."""

from __future__ import annotations

from lab.errors import SHOWN_BY_LIST, unknown_name
from lab.store import Store
from lab.stores.json_file import AtomicJsonFile, JsonFile
from lab.stores.memory import Memory
from lab.stores.sqlite import Sqlite
from lab.stores.text_file import TextFile

STORES: dict[str, type[Store]] = {store.name: store for store in (JsonFile, AtomicJsonFile, Memory, Sqlite, TextFile)}


def store_named(name: str) -> type[Store]:
    """The store of that name; UsageError if there is none."""
    if name not in STORES:
        raise unknown_name("store", name, STORES, SHOWN_BY_LIST)
    return STORES[name]
