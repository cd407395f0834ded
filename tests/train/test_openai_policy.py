"""`OpenAIPolicy` against a real chat server on this machine."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from forge_envs.core.errors import PolicyError
from forge_envs.core.messages import to_openai
from forge_train.policies.base import Request
from forge_train.policies.openai import OpenAIPolicy
from forge_train.rollout.engine import EngineLimits, Job, run_episodes

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class ChatServer(ThreadingHTTPServer):
    """Answers chat completions with what `answer` makes of the request's body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Answer = lambda body: (200, completion({"role": "assistant", "content": "Hello."}))
        self.bodies: list[dict[str, Any]] = []

    def policy(self, **options: Any) -> OpenAIPolicy:
        """A policy that asks this server."""
        url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        return OpenAIPolicy("test-model", base_url=url, api_key="none", **{"timeout": 5.0, "retries": 1, **options})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, ChatServer) and self.path == "/v1/chat/completions"
        self.server.bodies.append(body)
        status, answer = self.server.answer(body)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status >= 500:
            self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def completion(message: Any) -> dict[str, Any]:
    """A chat completion as a server sends it; None for one without choices."""
    choices = [] if message is None else [{"index": 0, "finish_reason": "stop", "message": message}]
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "test-model", "choices": choices}


@pytest.fixture
def server() -> Iterator[ChatServer]:
    """A chat server, stopped at the end."""
    made = ChatServer()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def toy(toy_suite: Path) -> Callable[[], Any]:
    """Makes the toy environment."""
    return lambda: gymnasium.make("forge/ToolUse-v0", suite=str(toy_suite), split=None)


def gold_answer(env: Any) -> Answer:
    """Plays gold with native tool calls: the request's metadata names the task, and its messages give the turn."""
    inner = env.unwrapped

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        task = inner.suite[body["metadata"]["task"]]
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        return 200, completion(to_openai([inner._gold(task)[turn]])[0])

    return answer


def ask(policy: OpenAIPolicy, request: Request | None = None) -> Any:
    """One request in an event loop of its own."""

    async def run() -> Any:
        try:
            return await policy.act(request or Request([{"role": "user", "content": "Hi"}], [], (), 7, "t", 0))
        finally:
            await policy.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize("task", ["add", "ask", "decline", "rate"])
def test_gold_through_a_server_earns_everything(server: ChatServer, toy: Callable[[], Any], task: str) -> None:
    server.answer = gold_answer(toy())
    policy = server.policy(metadata={"task": task}, temperature=0.25)
    for index in range(2):  # a second run has an event loop of its own
        (rollout,) = run_episodes(toy, policy, [Job(task, index=index)])
        assert rollout.episode.end.error is None
        assert rollout.episode.outcome == 1.0 and rollout.rows == () and rollout.episode.policy == "test-model"
        assert all(turn.action is None and turn.fault is None for turn in rollout.episode.turns)
    body = server.bodies[-1]
    assert body["model"] == "test-model" and body["temperature"] == 0.25
    assert [t["function"]["name"] for t in body["tools"]] == ["add_note", "tag_note", "rate_note"]
    for message in body["messages"]:
        assert all(isinstance(c["function"]["arguments"], str) for c in message.get("tool_calls", []))
        if message["role"] == "tool":
            named = [c["id"] for m in body["messages"] for c in m.get("tool_calls", [])]
            assert message["tool_call_id"] in named


def test_many_episodes_at_once(server: ChatServer, toy: Callable[[], Any]) -> None:
    server.answer = gold_answer(toy())
    jobs = [Job("add", index=i) for i in range(12)]
    rollouts = run_episodes(toy, server.policy(metadata={"task": "add"}), jobs)
    assert [r.episode.outcome for r in rollouts] == [1.0] * 12
    seeds = [body["seed"] for body in server.bodies]
    assert len(set(seeds)) == len(seeds) == 36


def test_text_without_native_tools_is_the_action(server: ChatServer, toy: Callable[[], Any]) -> None:
    inner = toy().unwrapped
    actions = inner.gold_actions(inner.suite["add"])

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        return 200, completion({"role": "assistant", "content": actions[turn]})

    server.answer = answer
    (rollout,) = run_episodes(toy, server.policy(native_tools=False), [Job("add")])
    assert rollout.episode.outcome == 1.0 and "tools" not in server.bodies[0]


def test_a_server_error_is_tried_again(server: ChatServer) -> None:
    fine = server.answer
    server.answer = lambda body: (500, {"error": {"message": "busy"}}) if len(server.bodies) < 2 else fine(body)
    assert ask(server.policy()).action.content == "Hello."
    assert len(server.bodies) == 2


def test_an_error_that_stays_is_a_policy_error(server: ChatServer) -> None:
    server.answer = lambda body: (500, {"error": {"message": "out of memory " * 100}})
    with pytest.raises(PolicyError, match="InternalServerError") as caught:
        ask(server.policy())
    assert len(server.bodies) == 2 and len(str(caught.value)) < 400


@pytest.mark.parametrize("choices", [[], None, [{"index": 0}], [{"index": 0, "message": None}]])
def test_a_completion_without_a_message_is_a_policy_error(server: ChatServer, choices: Any) -> None:
    server.answer = lambda body: (200, {**completion(None), "choices": choices})
    with pytest.raises(PolicyError, match="no message"):
        ask(server.policy())


def test_what_a_server_gets_wrong_fails_its_episode_only(server: ChatServer, toy: Callable[[], Any]) -> None:
    broken: list[tuple[int, Any]] = [(200, b"not json"), (400, {"error": {"message": "context too long"}}), (503, {})]
    gold = gold_answer(toy())
    server.answer = lambda body: broken.pop(0) if broken else gold(body)
    policy = server.policy(metadata={"task": "add"}, retries=0)
    jobs = [Job("add", index=i) for i in range(4)]
    rollouts = run_episodes(toy, policy, jobs, limits=EngineLimits(concurrency=1))
    assert [r.episode.end.status for r in rollouts] == ["failed"] * 3 + ["completed"]
    assert {r.episode.end.boundary for r in rollouts[:3]} == {"policy"}
    assert "context too long" in str(rollouts[1].episode.end.error)


@pytest.mark.parametrize(
    "error",
    [
        {
            "message": "This model's maximum context length is 2048 tokens. However, your prompt contains 2049",
            "code": 400,
        },
        {"message": "Too long.", "code": "context_length_exceeded"},
    ],
)
def test_a_conversation_that_is_too_long_truncates_its_episode(
    server: ChatServer, toy: Callable[[], Any], error: dict[str, Any]
) -> None:
    gold = gold_answer(toy())
    server.answer = lambda body: gold(body) if len(body["messages"]) < 4 else (400, {"error": error})
    (rollout,) = run_episodes(toy, server.policy(metadata={"task": "add"}, retries=0), [Job("add")])
    end = rollout.episode.end
    assert (end.status, end.reason, end.boundary) == ("truncated", "max_context", None)
    assert rollout.episode.outcome == 0.0 and len(rollout.episode.turns) == 1
    assert rollout.episode.artifact is not None and "n2" in rollout.episode.artifact["state"]["notes"]


def test_a_server_that_is_not_there_is_a_policy_error(server: ChatServer) -> None:
    policy = OpenAIPolicy("m", base_url="http://127.0.0.1:9/v1", api_key="none", retries=0)
    with pytest.raises(PolicyError, match="APIConnectionError"):
        ask(policy)


def test_a_call_with_broken_arguments_is_the_models_fault(server: ChatServer, toy: Callable[[], Any]) -> None:
    call = {"id": "x", "type": "function", "function": {"name": "add_note", "arguments": "{broken"}}
    server.answer = lambda body: (200, completion({"role": "assistant", "content": None, "tool_calls": [call]}))

    def short() -> Any:
        env = toy()
        env.unwrapped.max_steps = 2
        return env

    (rollout,) = run_episodes(short, server.policy(), [Job("add")])
    assert rollout.episode.end.reason == "max_steps" and rollout.episode.outcome == 0.0
    assert all("not valid JSON" in str(turn.fault) for turn in rollout.episode.turns)
