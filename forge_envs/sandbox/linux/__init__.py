"""The kernel's isolation primitives through ctypes.

Only the standard library and this folder: the bare interpreters that run sandboxes import these files too
(`tiers.BOOT`). Failures are `OSError`; the layers above turn them into `SandboxError`.
"""
