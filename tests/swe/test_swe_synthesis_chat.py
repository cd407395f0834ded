"""Issues from a real chat server on this machine: leaks are refused, failures are errors."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from forge_envs.core.errors import SimulatorError
from forge_envs.swe.synthesis.chat_issue import ATTEMPTS, ChatSpec, chat_issue, gives_away

pytest.importorskip("openai", reason="the chat client is an extra")

NOTES = "# `clipped` gives a wrong result\n\n```python\nfrom sums import clipped\nassert clipped(12, 0, 9) == 9\n```"
SECRETS = ["sums/limits.py", "return min(high, max(low, n))", "return max(low, n)"]
GOOD = f"{NOTES}\n\nI expected the upper limit to hold. What I get is 12, which is larger than the limit."


class ChatServer(ThreadingHTTPServer):
    """Answers with the texts of `answers` in turn, the last one again and again; None is a failure."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[str | None] = [GOOD]
        self.bodies: list[dict[str, Any]] = []

    @property
    def spec(self) -> ChatSpec:
        """How to reach it."""
        return ChatSpec(f"http://127.0.0.1:{self.server_address[1]}/v1", "writer", timeout=20.0, retries=0)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, ChatServer) and self.path == "/v1/chat/completions"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = self.server.answers[min(len(self.server.bodies), len(self.server.answers) - 1)]
        self.server.bodies.append(body)
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        answer = {"id": "c", "object": "chat.completion", "created": 0, "model": "writer", "choices": [choice]}
        content = json.dumps(answer).encode()
        self.send_response(500 if text is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


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


def test_the_models_text_is_the_issue(server: ChatServer) -> None:
    server.answers = [f"<think>where is it?</think>\n{GOOD}"]
    assert chat_issue(server.spec, NOTES, SECRETS, "1") == GOOD
    (body,) = server.bodies
    assert body["model"] == "writer" and body["messages"][1]["content"] == NOTES
    assert not any(secret in json.dumps(body) for secret in SECRETS)


def test_a_leak_is_asked_for_again_and_then_refused(server: ChatServer) -> None:
    server.answers = [f"{GOOD}\nThe bug is in limits.py.", GOOD]
    assert chat_issue(server.spec, NOTES, SECRETS, "1") == GOOD
    assert len(server.bodies) == 2 and "never seen" in server.bodies[1]["messages"][-1]["content"]
    server.bodies.clear()
    server.answers = [f"{GOOD}\nIt should `return min(high,\n max(low, n))`."]
    assert chat_issue(server.spec, NOTES, SECRETS, "1") == ""
    assert len(server.bodies) == ATTEMPTS


@pytest.mark.parametrize("answer", [None, "", "<think>and nothing else"])
def test_a_failing_endpoint_is_an_error(server: ChatServer, answer: str | None) -> None:
    server.answers = [answer]
    with pytest.raises(SimulatorError, match="writer"):
        chat_issue(server.spec, NOTES, SECRETS, "1")


def test_what_gives_a_repair_away() -> None:
    assert gives_away("look at sums/limits.py", SECRETS)
    assert gives_away("use x = min( high , max( low , n ) )", SECRETS)
    assert not gives_away(GOOD, SECRETS)
    assert not gives_away(GOOD, ["assert clipped(12, 0, 9) == 9"], NOTES)
