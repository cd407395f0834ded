"""A thin trainer on TRL and vLLM for the environments of `forge_envs`. Importing this package imports nothing heavy."""
