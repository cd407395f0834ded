def fences(n, colours, run):
    return colours * pow(colours - 1, n - 1, 998_244_353) % 998_244_353 if n else 1
