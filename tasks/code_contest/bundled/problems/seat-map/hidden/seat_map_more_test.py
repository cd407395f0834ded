import unittest

from seat_map import SeatMap, SoldOut


class SeatMapMoreTest(unittest.TestCase):
    def test_sizes(self):
        for rows, seats in ((0, 3), (3, 0), (-1, 2)):
            with self.assertRaises(ValueError):
                SeatMap(rows, seats)

    def test_count(self):
        hall = SeatMap(1, 1)
        for count in (0, -2):
            with self.assertRaises(ValueError):
                hall.reserve("Ida", count)
        self.assertIsNone(hall.owner("A1"))

    def test_neighbours_only(self):
        hall = SeatMap(2, 5)
        hall.reserve("Ida", 2)
        hall.reserve("Bo", 1)
        hall.reserve("Cy", 2)
        hall.cancel("Ida")
        hall.cancel("Cy")
        self.assertEqual(str(hall), "..x..\n.....")
        self.assertEqual(hall.reserve("Di", 3), ["B1", "B2", "B3"])
        self.assertEqual(hall.reserve("Di", 2), ["A1", "A2"])
        self.assertEqual(hall.reserve("Ed", 2), ["A4", "A5"])

    def test_sold_out_changes_nothing(self):
        hall = SeatMap(1, 3)
        hall.reserve("Ida", 2)
        with self.assertRaises(LookupError):
            hall.reserve("Bo", 2)
        self.assertEqual(str(hall), "xx.")
        with self.assertRaises(KeyError):
            hall.cancel("Bo")

    def test_sold_out_is_not_a_key_error(self):
        with self.assertRaises(SoldOut):
            SeatMap(26, 1).reserve("Ida", 2)

    def test_one_name_several_times(self):
        hall = SeatMap(3, 2)
        hall.reserve("Ida", 2)
        hall.reserve("Bo", 1)
        hall.reserve("Ida", 2)
        self.assertEqual(hall.owner("C2"), "Ida")
        self.assertEqual(hall.cancel("Ida"), 4)
        self.assertEqual(str(hall), "..\nx.\n..")
        with self.assertRaises(KeyError):
            hall.cancel("Ida")

    def test_owner(self):
        hall = SeatMap(26, 12)
        hall.reserve("Ida", 12)
        self.assertEqual(hall.owner("a12"), "Ida")
        self.assertIsNone(hall.owner("Z12"))
        for seat in ("A0", "A13", "", "A", "1A", "AA1", "A-1", "B01x"):
            with self.assertRaises(KeyError):
                hall.owner(seat)
        with self.assertRaises(KeyError):
            SeatMap(2, 2).owner("C1")


if __name__ == "__main__":
    unittest.main()
