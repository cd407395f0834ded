"""A stock ledger in a text file."""

from granary.journal import JournalError, parse_journal
from granary.ledger import Ledger, StockError, run_journal

__all__ = ["JournalError", "Ledger", "StockError", "parse_journal", "run_journal"]
