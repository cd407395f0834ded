class SoldOut(LookupError):
    """No row has enough neighbouring free seats."""


class SeatMap:
    def __init__(self, rows, seats):
        if rows < 1 or seats < 1:
            raise ValueError("a hall has at least one row and one seat")
        self._rows = [[None] * seats for _ in range(rows)]

    def reserve(self, name, count):
        if count < 1:
            raise ValueError("reserve at least one seat")
        for letter, row in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", self._rows, strict=False):
            for first in range(len(row) - count + 1):
                if all(owner is None for owner in row[first : first + count]):
                    row[first : first + count] = [name] * count
                    return [f"{letter}{number + 1}" for number in range(first, first + count)]
        raise SoldOut(f"there are no {count} neighbouring seats")

    def cancel(self, name):
        freed = sum(row.count(name) for row in self._rows)
        if not freed:
            raise KeyError(name)
        self._rows = [[None if owner == name else owner for owner in row] for row in self._rows]
        return freed

    def owner(self, seat):
        row, number = ord(seat[:1].upper() or "?") - ord("A"), seat[1:]
        if not (0 <= row < len(self._rows) and number.isdecimal() and 1 <= int(number) <= len(self._rows[0])):
            raise KeyError(seat)
        return self._rows[row][int(number) - 1]

    def __str__(self):
        return "\n".join("".join("." if owner is None else "x" for owner in row) for row in self._rows)
