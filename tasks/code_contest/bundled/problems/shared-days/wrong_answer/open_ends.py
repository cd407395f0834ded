def shared_days(a, b):
    shared = []
    for first, last in a:
        for start, end in b:
            if start > last:
                break
            if max(first, start) < min(last, end):
                shared.append([max(first, start), min(last, end)])
    return shared
