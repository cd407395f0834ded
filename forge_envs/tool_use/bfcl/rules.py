"""Where the strict grader differs from upstream's, rule by rule, and why."""

from dataclasses import dataclass, fields, replace

from forge_envs.core.errors import ConfigError


@dataclass(frozen=True)
class Rules:
    """Switches of the graders. False is the strict rule that training uses by default; True is what upstream does.

    A reward that can be had without doing the task teaches just that. Each strict rule closes a way in which a wrong
    output passes upstream, or opens one in which a right output fails there.

    Args:
        marker_is_a_value: Upstream writes "" into an answer's list to say that a parameter may be left out, and then
            accepts the text "" (and, for an array, []) as its value. Strict: only if the schema's default is that.
        marker_opens_items: In an array whose answers hold that marker, items of any type pass upstream's type check,
            and its checker then raises on some of them. Strict: items always have the type of the schema.
        numbers_are_booleans: Inside arrays and objects upstream compares with ==, so True is 1. Strict: it is not.
        numbers_lose_signs: Upstream removes , . / - _ * ^ and spaces from texts, so "1.5" is "15" and "-5" is "5".
            Strict: a point between two digits and a minus sign that opens the text before a digit stay.
        greedy_parallel: Upstream gives each gold call the first free output that fits, in order, and can thereby
            refuse outputs that fit in another assignment. Strict: any one-to-one assignment counts.
        quoted_java_items: Upstream keeps the quotes of the items of `new String[]{"a"}`, so a right Java array of
            strings or characters fails. Strict: quotes are removed, as upstream does for an ArrayList.
        any_items_are_texts: An item of type ``any`` in a Java or JavaScript array stays source text upstream, which no
            answer with a number in it can equal. Strict: it is read as what it looks like, and of any type.
        empty_answers_fail: Some parameters have no acceptable value at all ([] where [[]] was meant), so that upstream
            accepts neither a value nor its absence. Strict: an empty list is right there.
        lax_calls: In the python-call format upstream drops positional arguments, reads any unary operator as minus,
            and takes bare names (`true`, `null`) as texts. Strict: each of these is a malformed call.
        any_call_is_relevant: Upstream's relevance check passes any call. Strict: the function exists, its required
            parameters are there and no unknown one is.
        silence_is_free: In a turn where gold calls nothing, upstream checks nothing (its irrelevance check is dead
            code), and what the calls changed is only noticed if a later turn looks. Strict: the state after such a
            turn is the state gold has. Looking (reading) stays free: a model may look before it asks.
        shared_objects: Upstream's model side and gold side share some objects: the long-context cards and bookings, and
            the list of mentions of tweets that are posted without any. A change by one shows in the other, so that a
            missing or wrong change can pass, and a right one can fail. Strict: nothing is shared. (Upstream shares
            these among all entries of a process too, which neither set of rules does.)
        calls_in_texts: Upstream rewrites what looks like a call inside string arguments: the spaces of "(x)" in
            "see (x)" go, and "find(x)" gets the name of an internal object. Strict: texts are left alone.
    """

    marker_is_a_value: bool = False
    marker_opens_items: bool = False
    numbers_are_booleans: bool = False
    numbers_lose_signs: bool = False
    greedy_parallel: bool = False
    quoted_java_items: bool = False
    any_items_are_texts: bool = False
    empty_answers_fail: bool = False
    lax_calls: bool = False
    any_call_is_relevant: bool = False
    silence_is_free: bool = False
    shared_objects: bool = False
    calls_in_texts: bool = False


STRICT = Rules()
UPSTREAM = replace(STRICT, **{field.name: True for field in fields(Rules)})
COMPAT: dict[str, Rules] = {"strict": STRICT, "upstream": UPSTREAM}
"""The two sets of rules that have names."""


def rules_of(compat: str | Rules) -> Rules:
    """The rules that a name stands for; `Rules` of one's own are taken as they are.

    Raises:
        ConfigError: No such name.
    """
    if isinstance(compat, Rules):
        return compat
    if compat not in COMPAT:
        raise ConfigError(f"Unknown compat {compat!r}: use one of {sorted(COMPAT)}.")
    return COMPAT[compat]


@dataclass(frozen=True)
class Result:
    """What a checker says of one output.

    Args:
        valid: Whether the output is right.
        error_type: Upstream's name of the error, or a name of ours for what upstream does not check; None if valid.
        detail: What was wrong, in a few words, for people.
    """

    valid: bool
    error_type: str | None = None
    detail: str = ""


VALID = Result(True)


def shown(value: object) -> str:
    """A value for people, cut; a value that Python can't print is named by its type."""
    try:
        return repr(value)[:200]
    except (ValueError, RecursionError):
        return f"a huge {type(value).__name__}"
