"""A real vLLM server on the CPU, with a small random model, for the tests that need one."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from forge_train.small_model import build_model, build_tokenizer

MODEL = "forge-small"
MAX_LENGTH = 2048
TEXTS = ['You keep a notebook. {"name": "tag_note", "arguments": {"note": "n1", "tag": "dear"}}', "Add a note."] * 9
START_TIMEOUT = 600.0
"""Seconds: a start takes one minute where nothing else runs, and several where much does."""


def save_small_model(folder: Path, *, seed: int = 0) -> Path:
    """Write a small Qwen3 model with its tokenizer, as vLLM loads it."""
    tokenizer = build_tokenizer(TEXTS, vocab_size=512)
    build_model(tokenizer, layers=2, max_length=MAX_LENGTH, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


class VLLMServer:
    """A server process and all it starts; `close` ends them.

    Args:
        python: The interpreter of vLLM's environment.
        model: The folder of a model.
        log: Where the server's output goes.
        options: More command-line options.

    Raises:
        RuntimeError: It did not start; the message ends with its log.
    """

    def __init__(self, python: str, model: Path, log: Path, *options: str):
        self.port = _free_port()
        self.url, self.model, self.folder = f"http://127.0.0.1:{self.port}/v1", MODEL, model
        command = [
            python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", MODEL,
            "--host", "127.0.0.1", "--port", str(self.port), "--dtype", "float32", "--enforce-eager",
            "--max-model-len", str(MAX_LENGTH), "--generation-config", "vllm",
            "--logprobs-mode", "processed_logprobs", "--max-logprobs", "20",
            "--enable-auto-tool-choice", "--tool-call-parser", "hermes", *options,
        ]  # fmt: skip
        # Caches and sockets beside the log, no usage report, one thread for each of the two processes.
        quiet = {
            "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_SERVER_DEV_MODE": "1", "OMP_NUM_THREADS": "1",
            "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1", "VLLM_CACHE_ROOT": str(log.parent),
            "TMPDIR": str(log.parent),
        }  # fmt: skip
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**_without_ours(os.environ), **quiet},
                cwd=log.parent,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> None:
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        raise RuntimeError(f"vLLM did not start:\n{self._log.read_text(errors='replace')[-4000:]}")

    def kill(self) -> None:
        """End the server as a crash would, and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """End the server; again is fine."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.kill()

    def connection(self, **options: Any) -> dict[str, Any]:
        """Keyword arguments of `OpenAIPolicy` and of the openai client's classes."""
        return {"base_url": self.url, "api_key": "none", **options}


def _without_ours(environment: Any) -> dict[str, str]:
    """The environment less what belongs to this interpreter; its own packages must not be seen by the server's."""
    return {k: v for k, v in environment.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
