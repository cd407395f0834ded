def most_at_once(bookings):
    best, minute = 0, 0
    for moment in sorted(start for start, _ in bookings):
        inside = sum(start <= moment < end for start, end in bookings)
        if inside > best:
            best, minute = inside, moment
    return [best, minute]
