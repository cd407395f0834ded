"""States of the library suite."""

from dataclasses import dataclass
from typing import Any

from forge_envs.tool_use.domains.library import MAX_RENEWALS
from forge_envs.tool_use.synthesis.entities import Source, email_of

REASONS = {"late": "my late fine", "lost": "my fine for a lost book"}
"""Why a fine was set, and how the member speaks of it."""


@dataclass(frozen=True)
class World:
    """A drawn state and the member whom the task is about.

    Args:
        state: State of the domain.
        me: Id of the member.
        loan: The loan of the member that the task is about.
        fines: The member's fines by reason.
    """

    state: dict[str, Any]
    me: str
    loan: str
    fines: dict[str, str]

    @property
    def card(self) -> str:
        """The member's card number."""
        card: str = self.state["members"][self.me]["card"]
        return card

    @property
    def email(self) -> str:
        """The member's e-mail."""
        email: str = self.state["members"][self.me]["email"]
        return email

    @property
    def email_to_be(self) -> str:
        """Another e-mail of the same person."""
        return email_of(str(self.state["members"][self.me]["name"]), "post.example")

    @property
    def shelved(self) -> dict[str, Any]:
        """The book that is on nobody's loan."""
        book: dict[str, Any] = list(self.state["books"].values())[-1]
        return book

    @property
    def title(self) -> str:
        """Title of the book on loan."""
        title: str = self.state["books"][self.state["loans"][self.loan]["book"]]["title"]
        return title


def draw_world(s: Source, late: tuple[int, int] = (1, 5), lost: tuple[int, int] = (1, 5)) -> World:
    """Two members, of whom one has two loans and a fine of each reason.

    Args:
        s: Where entities come from.
        late: Lowest and highest amount of the late fine.
        lost: The same for the fine of a lost book.
    """
    today = s.today()
    members: dict[str, Any] = {}
    for _ in range(2):
        name = s.name()
        members[s.number(4, "M")] = {"name": name, "card": s.number(5), "email": email_of(name)}
    me, other = s.rng.sample(list(members), 2)
    books = {
        s.number(4, "B"): {"title": s.title(), "shelf": s.number(3), "free": s.rng.randrange(1, 4), "waiting": []}
        for _ in range(4)
    }
    # No loan id ends in 9: the id after the highest then belongs to the same split.
    loans = {
        s.number(4, "L", last="012345678"): {
            "member": member,
            "book": book,
            "due": s.day_after(today, 1, 13),
            "renewals": s.rng.randrange(MAX_RENEWALS),
        }
        for member, book in zip((me, me, other), books, strict=False)
    }
    fines: dict[str, dict[str, Any]] = {
        s.number(4, "F"): {"member": me, "amount": s.amount(*limits), "reason": reason, "status": "open"}
        for reason, limits in zip(REASONS, (late, lost), strict=True)
    }
    state = {"today": today, "members": members, "books": books, "loans": loans, "fines": fines}
    return World(state, me, s.rng.choice(list(loans)[:2]), {fine["reason"]: key for key, fine in fines.items()})
