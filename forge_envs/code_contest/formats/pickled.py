"""Reading LiveCodeBench's private tests: JSON text in a pickle, compressed, in base64."""

import base64
import binascii
import io
import json
import pickle
import zlib
from typing import Any

from forge_envs.core.errors import TaskError

MAX_UNPACKED = 512 * 2**20
"""Bytes that a packed text may grow to."""


class _NoClasses(pickle.Unpickler):
    """Makes text, numbers and containers; every way to a class or a function goes through `find_class`."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"the pickle wants to import {module}.{name}")


def safe_unpickle(data: bytes) -> Any:
    """Unpickle plain values: str, numbers, None, list, tuple, dict, set.

    Raises:
        TaskError: The pickle is broken, or names a class or a function.
    """
    try:
        return _NoClasses(io.BytesIO(data)).load()
    except Exception as error:  # a pickle is a program, and a wrong one can raise nearly anything
        raise TaskError(f"A pickle of tests can't be read: {type(error).__name__}: {error}") from error


def unpack_tests(text: str) -> Any:
    """The tests of LiveCodeBench's `private_test_cases` (`CodeGenerationProblem` in lcb_runner): JSON, or packed JSON.

    Raises:
        TaskError: It is neither, or unpacks to more than `MAX_UNPACKED` bytes.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # the packed form
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text.encode(), validate=True), MAX_UNPACKED)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise TaskError(f"Packed tests can't be read: {error}") from error
    if unpacker.unconsumed_tail:
        raise TaskError(f"Packed tests unpack to more than {MAX_UNPACKED // 2**20} MiB.")
    inner = safe_unpickle(data)
    if not isinstance(inner, str):
        raise TaskError(f"Packed tests hold {type(inner).__name__} instead of JSON text.")
    try:
        return json.loads(inner)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"Packed tests are not JSON: {error}") from error
