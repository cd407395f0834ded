import unittest

from seat_map import SeatMap, SoldOut


class SeatMapTest(unittest.TestCase):
    def test_first_seats(self):
        hall = SeatMap(2, 3)
        self.assertEqual(hall.reserve("Ida", 2), ["A1", "A2"])
        self.assertEqual(hall.reserve("Bo", 2), ["B1", "B2"])
        self.assertEqual(str(hall), "xx.\nxx.")

    def test_fills_gaps_from_the_front(self):
        hall = SeatMap(2, 3)
        hall.reserve("Ida", 2)
        hall.reserve("Bo", 2)
        self.assertEqual(hall.reserve("Cy", 1), ["A3"])

    def test_sold_out(self):
        hall = SeatMap(1, 2)
        with self.assertRaises(SoldOut):
            hall.reserve("Ida", 3)
        self.assertTrue(issubclass(SoldOut, LookupError))

    def test_cancel(self):
        hall = SeatMap(1, 4)
        hall.reserve("Ida", 3)
        self.assertEqual(hall.cancel("Ida"), 3)
        self.assertEqual(str(hall), "....")


if __name__ == "__main__":
    unittest.main()
