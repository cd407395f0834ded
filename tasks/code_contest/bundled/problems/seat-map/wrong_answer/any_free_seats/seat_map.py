class SoldOut(LookupError):
    pass


class SeatMap:
    def __init__(self, rows, seats):
        self.seats = {f"{chr(65 + r)}{s + 1}": None for r in range(rows) for s in range(seats)}
        self.width = seats

    def reserve(self, name, count):
        for letter in sorted({seat[0] for seat in self.seats}):
            free = [seat for seat, owner in self.seats.items() if seat[0] == letter and owner is None]
            if len(free) >= count:
                for seat in free[:count]:
                    self.seats[seat] = name
                return free[:count]
        raise SoldOut

    def cancel(self, name):
        freed = [seat for seat, owner in self.seats.items() if owner == name]
        for seat in freed:
            self.seats[seat] = None
        return len(freed)

    def owner(self, seat):
        return self.seats[seat]

    def __str__(self):
        marks = ["." if owner is None else "x" for owner in self.seats.values()]
        return "\n".join("".join(marks[i : i + self.width]) for i in range(0, len(marks), self.width))
