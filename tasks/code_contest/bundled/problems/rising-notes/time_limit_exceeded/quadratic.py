import sys

notes = list(map(int, sys.stdin.read().split()))[1:]
longest = []
for i, note in enumerate(notes):
    longest.append(1 + max([longest[j] for j in range(i) if notes[j] < note], default=0))
most = max(longest)
print(most, min(note for note, length in zip(notes, longest, strict=True) if length == most))
