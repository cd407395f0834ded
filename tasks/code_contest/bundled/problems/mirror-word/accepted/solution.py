def longest_mirror(words):
    best = ""
    for word in words:
        low = word.lower()
        if low == low[::-1] and len(word) > len(best):
            best = word
    return best
