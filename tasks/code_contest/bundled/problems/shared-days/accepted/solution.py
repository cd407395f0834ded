def shared_days(a, b):
    shared, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        first, last = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if first <= last:
            shared.append([first, last])
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return shared
