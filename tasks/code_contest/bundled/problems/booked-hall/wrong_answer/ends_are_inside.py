def most_at_once(bookings):
    events = sorted([(start, 0, 1) for start, _ in bookings] + [(end, 1, -1) for _, end in bookings])
    inside, best, minute = 0, 0, 0
    for time, _, change in events:
        inside += change
        if inside > best:
            best, minute = inside, time
    return [best, minute]
