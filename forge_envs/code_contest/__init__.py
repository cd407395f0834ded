"""Programming-contest problems: judge, languages, comparison, formats, and `forge/CodeContest-v0`."""
