"""The episode record: one ASCII line that comes back as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_envs import Episode, TaskError
from forge_envs.core.episode import EPISODE_VERSION, End, Turn
from forge_envs.core.messages import assistant, tool_call

anything = st.text(st.characters())  # halves of surrogate pairs, line separators and all
finite = st.floats(allow_nan=False, allow_infinity=False)
messages = st.builds(
    lambda said, name: assistant(said, [tool_call(name, {"x": said}, "call_1_0")] if name else []), anything, anything
)
turns = st.builds(
    Turn,
    action=st.none() | anything,
    message=messages,
    observation=st.lists(messages, max_size=2).map(tuple),
    reward=finite,
    components=st.dictionaries(anything, finite, max_size=2),
    fault=st.none() | anything,
    seconds=st.just({"policy": 0.5, "environment": 0.25}),
)
episodes = st.builds(
    Episode,
    id=anything,
    env_id=st.just("forge/ToolUse-v0"),
    suite=anything,
    suite_hash=anything,
    task_id=anything,
    mode=st.sampled_from(["outcome", "stepwise", "shaped"]),
    seed=st.integers(0),
    policy=anything,
    prompt=st.lists(messages, max_size=2).map(tuple),
    tools=st.just(({"type": "function"},)),
    turns=st.lists(turns, max_size=3).map(tuple),
    end=st.builds(End, st.just("completed"), st.none(), st.none(), st.none() | anything),
    turn=st.none() | st.integers(0),
    artifact=st.none() | st.just({"state": {"a": [1, None]}}),
    outcome=st.none() | finite,
    verdict=st.none() | st.just({"components": {"state_match": 1.0}}),
)


@given(episodes)
def test_a_line_comes_back_as_the_episode_it_was(episode: Episode) -> None:
    line = episode.to_json()
    assert line.isascii() and len(line.splitlines()) == 1
    assert Episode.from_json(line) == episode
    assert episode.version == EPISODE_VERSION
    assert episode.reward == sum(turn.reward for turn in episode.turns)


EMPTY = Episode("e", "env", "s", "h", "t", "outcome", 0, "p", (), (), (), End("completed"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("", "Not an episode record: JSONDecodeError"),
        ("[]", "Not an episode record: AttributeError"),
        ("{}", f"version None: this Forge reads {EPISODE_VERSION}"),
        (json.dumps(json.loads(EMPTY.to_json()) | {"version": 99}), "version 99"),
        (json.dumps(json.loads(EMPTY.to_json()) | {"colour": 1}), "TypeError: .*'colour'"),
        (json.dumps(json.loads(EMPTY.to_json()) | {"turns": [1]}), "Not an episode record"),
        (json.dumps({"version": EPISODE_VERSION}), "KeyError: 'turns'"),
        (EMPTY.to_json()[:40], "Not an episode record"),
    ],
)
def test_a_line_that_is_no_episode(line: str, fault: str) -> None:
    with pytest.raises(TaskError, match=fault):
        Episode.from_json(line)
