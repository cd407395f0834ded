"""Simulated tools whose backend is a model on a real vLLM server."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from forge_vllm import VLLMServer

sys.path.insert(0, str(Path(__file__).parents[1] / "tool_use"))  # forge_lamps

from forge_lamps import DreamtLamps

from forge_envs.core.errors import SimulatorError
from forge_envs.tool_use.call_cache import CallCache
from forge_envs.tool_use.simulated import Simulator, chat_endpoint

REPLY = r'\{"result": \{"level": [037]\}\}'


def _simulator(server: VLLMServer, cache: CallCache, schema: Any, **options: Any) -> Simulator:
    asked = {"max_tokens": 60, "extra_body": {"structured_outputs": schema}}
    return Simulator(
        chat_endpoint(server.model, **server.connection(timeout=60.0), **asked), cache, name=server.model, **options
    )


def test_a_served_model_plays_a_tool_and_its_answer_is_kept(
    vllm_server: VLLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "calls.jsonl"
    told = []
    for mode, schema in [
        ("record", {"regex": REPLY}),
        ("record", {"choice": ["no JSON"]}),
        ("replay", {"choice": ["x"]}),
    ]:
        simulator = _simulator(vllm_server, CallCache(path), schema, mode=mode)
        monkeypatch.setattr(DreamtLamps, "simulator", simulator, raising=False)
        told.append(DreamtLamps({"lamps": {"hall": 3}}).toolset().call("read_lamp", {"lamp": "hall"}))
    assert len(set(told)) == 1 and json.loads(told[0])["level"] in (0, 3, 7)
    assert len(path.read_text().splitlines()) == 1


def test_a_model_that_answers_anything_is_no_backend(
    vllm_server: VLLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = _simulator(vllm_server, CallCache(tmp_path / "calls.jsonl"), {"choice": ["Sure.", "[]"]}, attempts=2)
    monkeypatch.setattr(DreamtLamps, "simulator", simulator, raising=False)
    with pytest.raises(SimulatorError, match="'read_lamp' gave 2 unusable answers"):
        DreamtLamps({"lamps": {}}).toolset().call("read_lamp", {"lamp": "hall"})
    assert not (tmp_path / "calls.jsonl").exists()
