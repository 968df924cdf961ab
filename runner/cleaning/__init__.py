"""What the runner keeps on a machine, and how to be rid of it without harm."""

from runner.cleaning.engine import of_engine
from runner.cleaning.folders import of_cache, of_results
from runner.cleaning.items import Item, Kind, RemovalError
from runner.cleaning.selection import Bounds, Plan, choose

__all__ = [
    "Bounds",
    "Item",
    "Kind",
    "Plan",
    "RemovalError",
    "choose",
    "of_cache",
    "of_engine",
    "of_results",
]
