"""The eight stateful tool backends of the multi-turn categories, one module for each."""
