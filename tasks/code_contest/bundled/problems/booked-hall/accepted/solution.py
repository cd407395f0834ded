def most_at_once(bookings):
    events = sorted([(start, 1) for start, _ in bookings] + [(end, -1) for _, end in bookings])
    inside, best, minute = 0, 0, 0
    for time, change in events:
        inside += change
        if inside > best:
            best, minute = inside, time
    return [best, minute]
