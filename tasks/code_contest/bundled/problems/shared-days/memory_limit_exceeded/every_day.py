def shared_days(a, b):
    free = set()
    for first, last in a:
        free.update(range(first, last + 1))
    days = sorted(day for first, last in b for day in range(first, last + 1) if day in free)
    shared = []
    for day in days:
        if shared and shared[-1][1] == day - 1:
            shared[-1][1] = day
        else:
            shared.append([day, day])
    return shared
