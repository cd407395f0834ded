def cases(rng):
    public = ["FFR3F\n", "2L10FL\n"]
    hidden = ["F\n", "L\n", "1000000000F3R1000000000F\n", "7R5F999999999L4F\n", "10F10R10F\n"]
    for letters, limit, size in (("LRF", 3, 400), ("LRF", 10**9, 5000), ("F", 10**9, 900), ("FFFR", 12, 20000)):
        program = ""
        for _ in range(size):
            count = rng.randint(1, limit)
            program += (str(count) if count > 1 or rng.random() < 0.2 else "") + rng.choice(letters)
        hidden.append(program[:49000].rstrip("0123456789") + "\n")
    return public, hidden
