def pack(text):
    from itertools import groupby

    return "".join(letter + str(len(list(run))) for letter, run in groupby(text))
