"""Simulated tools: backends played by a language model (paper, section 2.1.2), repeatable through a record."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, get_args

from forge_envs.core.errors import ActionError, ConfigError, SimulatorError, ToolError
from forge_envs.core.messages import decode_json
from forge_envs.core.tools import Toolset
from forge_envs.tool_use.call_cache import CallCache, call_key
from forge_envs.tool_use.domain import Domain
from forge_envs.tool_use.mock import tool_of, write_path

Complete = Callable[[list[dict[str, str]]], str]
Mode = Literal["live", "record", "replay"]

_ROLE = """\
You are the backend of the tools below, not an assistant. You get one call at a time, with the state of the backend and
the calls before it, and write what the real tool would return: nothing that contradicts the state or an earlier result,
and a realistic error for input that is wrong or names something that does not exist.
Reply with one JSON object and nothing else:
{"result": <what the tool returns>, "set": [[["key", "inner key"], <new value>], ...]}
or {"error": "<text>"}. "set" lists what the call changes in the state, by path; leave it out if nothing changes.
"""
_REPLY = {
    "type": "object",
    "properties": {
        "error": {"type": "string", "minLength": 1},
        "result": True,
        "set": {
            "type": "array",
            "items": {
                "type": "array",
                "prefixItems": [{"type": "array", "minItems": 1, "items": {"type": "string"}}, True],
                "minItems": 2,
                "maxItems": 2,
            },
        },
    },
    "oneOf": [{"required": ["result"]}, {"required": ["error"]}],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Simulator:
    """Who plays the backend, and what is kept of it.

    Args:
        complete: Chat messages to the model's text; `chat_endpoint` makes one. May raise anything.
        cache: The record of answers; None only with ``live``.
        mode: ``live`` (always ask), ``record`` (ask once, then repeat what was answered) or ``replay`` (only repeat; a
            call that was never recorded is an infrastructure failure). The last two make training deterministic.
        attempts: How often an unusable answer is asked for again, with the fault named.
        name: Of the model; part of the record's keys.

    Raises:
        ConfigError: The mode does not exist, or lacks what it needs.
    """

    complete: Complete | None = None
    cache: CallCache | None = None
    mode: Mode = "record"
    attempts: int = 3
    name: str = ""

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ConfigError(f"Unknown simulator mode {self.mode!r}: use one of {list(get_args(Mode))}.")
        if self.cache is None and self.mode != "live":
            raise ConfigError(f"A simulator in mode {self.mode!r} needs a cache: CallCache(path).")
        if self.complete is None and self.mode != "replay":
            raise ConfigError(f"A simulator in mode {self.mode!r} needs `complete`: chat_endpoint(model, ...).")

    def answer(self, spec: Mapping[str, Any], state: Any, earlier: Sequence[Any], arguments: Any) -> dict[str, Any]:
        """What the backend replies to one call: ``result`` and ``set``, or ``error``.

        Raises:
            SimulatorError: The model failed, gave nothing usable, or the call was never recorded.
        """
        call = {"name": spec["name"], "arguments": arguments}
        request = {"state": state, "earlier": list(earlier), "call": call}
        tool = {key: value for key, value in spec.items() if key != "rules"}
        key = call_key([self.name, tool, request])
        known = self.cache.get(key) if self.cache is not None and self.mode != "live" else None
        if known is not None:
            return copy.deepcopy(known)
        if self.complete is None or self.mode == "replay":
            raise SimulatorError(f'No recorded answer to {json.dumps(call)[:200]}: record it with mode="record".')
        reply = self._ask(self.complete, tool, request)
        if self.cache is None or self.mode == "live":
            return reply
        return copy.deepcopy(self.cache.keep(key, reply, call))

    def _ask(self, complete: Complete, tool: Mapping[str, Any], request: Any) -> dict[str, Any]:
        messages = [
            {"role": "system", "content": f"{_ROLE}\nTool:\n{json.dumps(tool, ensure_ascii=False)}"},
            {"role": "user", "content": json.dumps(request, ensure_ascii=False)},
        ]
        fault = ""
        for _ in range(self.attempts):
            try:
                text = complete(messages)
            except Exception as error:  # whatever the endpoint's client raises, it is not the agent's fault
                raise SimulatorError(f"The simulator of {tool['name']!r} failed: {error}") from error
            try:
                return _read_reply(text, tool.get("returns", {}))
            except ActionError as error:
                fault = str(error)
            again = f"That can't be used: {fault}. Reply again with one JSON object."
            messages += [{"role": "assistant", "content": text}, {"role": "user", "content": again}]
        raise SimulatorError(f"The simulator of {tool['name']!r} gave {self.attempts} unusable answers: {fault}.")


class SimulatedDomain(Domain):
    """A domain whose tools a language model plays. A subclass gives `name`, `policy`, `specs` and `simulator`.

    Each of `specs` is a tool: ``name``, ``description``, ``parameters`` (JSON Schema) and optionally ``returns``, which
    every result must fulfil. What calls change is written to the state, so success can be decided as elsewhere; but an
    agent may try to talk the model into a change, so prefer rules (`MockDomain`) where the state decides a reward.
    """

    specs: ClassVar[Sequence[Mapping[str, Any]]]
    simulator: ClassVar[Simulator]

    def __init__(self, state: dict[str, Any]):
        super().__init__(state)
        self._earlier: list[dict[str, Any]] = []

    def toolset(self) -> Toolset:
        """The tools of `specs`."""
        return Toolset([tool_of(spec, partial(self._call, spec)) for spec in self.specs])

    def _call(self, spec: Mapping[str, Any], **arguments: Any) -> Any:
        reply = self.simulator.answer(spec, self.state, self._earlier, arguments)
        call = {"name": spec["name"], "arguments": arguments}
        self._earlier.append({"call": call, **{k: v for k, v in reply.items() if k != "set"}})
        if "error" in reply:
            raise ToolError(reply["error"])
        for path, value in reply.get("set", []):
            write_path(self.state, path, value)
        return reply["result"]


def _read_reply(text: str, returns: Mapping[str, Any]) -> dict[str, Any]:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    reply = decode_json(text.strip().removeprefix("```json").removesuffix("```"))
    fault = best_match(Draft202012Validator(_REPLY).iter_errors(reply))
    if fault is None and "result" in reply:
        fault = best_match(Draft202012Validator(returns).iter_errors(reply["result"]))
    if fault is not None:
        raise ActionError(f"not a reply of this backend ({fault.message[:200]})")
    return dict(reply)


def chat_endpoint(
    model: str, *, base_url: str | None = None, api_key: str | None = None, timeout: float = 60.0, **sampling: Any
) -> Complete:
    """A `complete` that asks an OpenAI-compatible chat endpoint; nothing is opened before the first request.

    Args:
        model: The served model's name.
        base_url: None means the client's default, and `api_key` too.
        timeout: Seconds for one request; the client repeats failed ones twice.
        **sampling: For example ``max_tokens``; temperature is 0 and the seed is 0 unless they say otherwise.
    """

    def complete(messages: list[dict[str, str]]) -> str:
        from openai import OpenAI

        with OpenAI(base_url=base_url, api_key=api_key, timeout=timeout) as client:
            asked: Any = {"temperature": 0.0, "seed": 0, **sampling, "model": model, "messages": messages}
            choices = client.chat.completions.create(**asked).choices
        if not choices or choices[0].message is None or choices[0].message.content is None:
            raise ValueError("the endpoint returned no text")
        return str(choices[0].message.content)

    return complete
