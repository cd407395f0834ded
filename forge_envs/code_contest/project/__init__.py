"""Project mode: exercises of several files, edited by the agent and tested by a framework."""
