def pack(text):
    runs = [[text[0], 0]]
    for letter in text:
        if runs[-1][0] != letter:
            runs.append([letter, 0])
        runs[-1][1] += 1
    return runs
