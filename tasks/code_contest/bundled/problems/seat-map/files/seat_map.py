class SoldOut:
    pass


class SeatMap:
    pass
