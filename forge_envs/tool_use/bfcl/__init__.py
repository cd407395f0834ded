"""BFCL v3: the tasks of the Berkeley Function Calling Leaderboard, their tools and their graders.

Formats, rules and numbers are upstream's (`bfcl-eval` 2026.3.23, Apache-2.0); every file names the upstream file that
it follows. Nothing of upstream is imported and nothing that a model wrote is ever executed.
"""
