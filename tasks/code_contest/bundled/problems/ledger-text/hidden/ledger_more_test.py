import unittest

from ledger import Entry, LedgerError, balances, parse, report


def entry(account, amount):
    return Entry("2026-01-01", account, amount)


class LedgerMoreTest(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(parse(""), [])
        self.assertEqual(parse("\n  \n# only | a | 1\n   # remark\n"), [])
        self.assertEqual(balances([]), {})
        self.assertEqual(report([]), "total 0.00")

    def test_order_and_zero_sums(self):
        entries = [entry("tea", 5), entry("ale", -7), entry("tea", -5), entry("bar", 1)]
        self.assertEqual(list(balances(entries).items()), [("ale", -7), ("bar", 1)])

    def test_long_names_and_amounts(self):
        entries = [entry("membership fees", 123456), entry("x", -5)]
        lines = ["membership fees 1234.56", "x                 -0.05", "total           1234.51"]
        self.assertEqual(report(entries), "\n".join(lines))

    def test_total_is_longer_than_the_names(self):
        self.assertEqual(report([entry("a", -100000), entry("b", 1)]), "a     -1000.00\nb         0.01\ntotal  -999.99")

    def test_line_numbers_count_all_lines(self):
        for text, number in (("\n#\n a | b | x", 3), ("a|b|1\na|b|1|c", 2), ("a | b | 1.5", 1), ("a|b|1 2", 1)):
            with self.assertRaisesRegex(LedgerError, rf"^line {number}:"):
                parse(text)

    def test_white_space_and_notes(self):
        self.assertEqual(parse("\t2026-02-02 |  new  boat |+1.05 # a | b"), [Entry("2026-02-02", "new  boat", 105)])
        self.assertEqual(parse("d | club #2 | 3")[0].account, "club #2")
