import unittest

from ledger import Entry, LedgerError, balances, parse, report

BOOK = """# spring
2026-03-01 | fees | 40.00
2026-03-02 | rent | -25.50   # hall

2026-03-09|fees|20
"""


class LedgerTest(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(parse(BOOK)[0], Entry("2026-03-01", "fees", 4000))
        self.assertEqual([entry.amount for entry in parse(BOOK)], [4000, -2550, 2000])

    def test_balances(self):
        self.assertEqual(balances(parse(BOOK)), {"fees": 6000, "rent": -2550})

    def test_report(self):
        self.assertEqual(report(parse(BOOK)), "fees   60.00\nrent  -25.50\ntotal  34.50")

    def test_bad_line(self):
        with self.assertRaisesRegex(LedgerError, "^line 2:"):
            parse("2026-03-01 | fees | 1\nfees")
