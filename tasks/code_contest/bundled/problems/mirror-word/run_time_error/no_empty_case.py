def longest_mirror(words):
    return max((w for w in words if w.lower() == w.lower()[::-1]), key=len)
