"""A new domain in one file: a theatre's cloakroom.

Everything a domain has to say is in this class: what the agent is told, and the tools over one JSON state. The initial
state, what the user wants and the gold turns are data, in `suite/`; success is the state that gold leaves.
"""

from typing import Any, ClassVar

from forge_envs import ToolError, tool
from forge_envs.tool_use.domain import Domain


class Cloakroom(Domain):
    """Coats on hooks.

    The state: ``{"hooks": {hook: ticket or None}, "tickets": {ticket: {"owner": str, "item": str}}}``.
    """

    name: ClassVar[str] = "cloakroom"
    policy: ClassVar[str] = (
        "You run a cloakroom. Look a ticket up before you give anything out, and give an item only to its owner. "
        "New items go on the first free hook."
    )

    @tool
    def find_ticket(self, ticket: str) -> dict[str, Any]:
        """Show whose ticket it is, for which item, and on which hook that hangs.

        Args:
            ticket: Number of the ticket, such as T12.
        """
        return {"ticket": ticket, **self._ticket(ticket), "hook": self._hook_of(ticket)}

    @tool
    def list_hooks(self) -> dict[str, str | None]:
        """Show every hook with the ticket that hangs on it, in order."""
        return dict(self.state["hooks"])

    @tool
    def give_out(self, ticket: str) -> str:
        """Give an item to its owner; the ticket is used up and the hook is free.

        Args:
            ticket: Number of the ticket.
        """
        item = self._ticket(ticket)["item"]
        self.state["hooks"][self._hook_of(ticket)] = None
        del self.state["tickets"][ticket]
        return f"{item} given out"

    @tool
    def hang_up(self, owner: str, item: str, hook: str) -> dict[str, str]:
        """Take an item and hang it up.

        Args:
            owner: Full name of its owner.
            item: What it is.
            hook: A free hook.

        Returns:
            The new ticket.
        """
        if self.state["hooks"].get(hook, "no hook") is not None:
            raise ToolError(f"hook {hook[:20]!r} is not free")
        # No clock and no random numbers: the same calls must give the same state.
        ticket = f"T{1 + max((int(known[1:]) for known in self.state['tickets']), default=0)}"
        self.state["tickets"][ticket] = {"owner": owner, "item": item}
        self.state["hooks"][hook] = ticket
        return {"ticket": ticket}

    def _ticket(self, ticket: str) -> dict[str, str]:
        if ticket not in self.state["tickets"]:
            raise ToolError(f"there is no ticket {ticket[:20]!r}")
        return self.state["tickets"][ticket]

    def _hook_of(self, ticket: str) -> str:
        return next(hook for hook, held in self.state["hooks"].items() if held == ticket)
