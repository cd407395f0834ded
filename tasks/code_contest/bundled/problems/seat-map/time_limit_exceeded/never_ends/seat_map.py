class SoldOut(LookupError):
    pass


class SeatMap:
    def __init__(self, rows, seats):
        self.rows, self.seats = rows, seats

    def reserve(self, name, count):
        while True:
            count += 1

    def cancel(self, name):
        return 0
