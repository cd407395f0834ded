"""The spaces of actions and observations."""

import json
import pickle
from typing import Any

import pytest
from gymnasium.spaces import Tuple
from gymnasium.vector.utils import batch_space
from openai.types.chat import ChatCompletionMessage

from forge_envs.core.messages import assistant, tool_call
from forge_envs.core.spaces import ConversationSpace, MessageSpace

SPACES = [MessageSpace, ConversationSpace]


@pytest.mark.parametrize("make", SPACES)
def test_samples_belong_and_follow_the_seed(make: type[MessageSpace]) -> None:
    space, again = make(seed=3), make()
    again.seed(3)
    samples = [space.sample() for _ in range(50)]
    assert samples == [again.sample() for _ in range(50)]
    assert all(space.contains(x) and x in space for x in samples)
    assert len({json.dumps(x) for x in samples}) > 20
    assert make(seed=4).sample() != samples[0]


@pytest.mark.parametrize("make", SPACES)
def test_samples_survive_json_and_pickle(make: type[MessageSpace]) -> None:
    space = make(seed=0)
    samples = [space.sample() for _ in range(10)]
    assert space.from_jsonable(json.loads(json.dumps(space.to_jsonable(samples)))) == samples
    assert pickle.loads(pickle.dumps(space)).sample() == space.sample()


@pytest.mark.parametrize("make", SPACES)
def test_batching_gives_a_tuple_for_each_environment(make: type[MessageSpace]) -> None:
    batched = batch_space(make(seed=0), 3)
    assert isinstance(batched, Tuple) and len(batched) == 3
    assert batched.contains(batched.sample())


def test_equality_is_by_kind() -> None:
    assert MessageSpace(seed=1) == MessageSpace(seed=2) != ConversationSpace()
    assert len({MessageSpace(), MessageSpace(), ConversationSpace()}) == 2
    assert not MessageSpace().is_np_flattenable
    assert repr(ConversationSpace()) == "ConversationSpace()"


def test_what_an_action_may_be() -> None:
    space = MessageSpace()
    message = assistant("hm", [tool_call("f", {"a": 1}, "call_0")])
    client = ChatCompletionMessage(role="assistant", content="hi")
    assert all(space.contains(x) for x in ("", "text", {"role": "assistant", "content": None}, message, client))
    wrong: list[Any] = [42, None, b"text", object(), [], ("hi",), {}, {"role": "user", "content": "x"}]
    assert not any(space.contains(x) for x in wrong)
    assert space.to_jsonable(["text", message, client]) == ["text", message, assistant("hi")]


def test_what_an_observation_may_be() -> None:
    space = ConversationSpace()
    assert space.contains(()) and space.contains(({"role": "tool", "content": "x", "tool_call_id": "1"},))
    wrong: list[Any] = [[], "text", None, ("text",), ({"role": "user"},), ({"role": 1, "content": "x"},)]
    assert not any(space.contains(x) for x in wrong)
