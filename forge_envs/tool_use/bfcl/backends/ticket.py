"""Support tickets (upstream class: TicketAPI)."""

from collections.abc import Mapping
from typing import Any

_FIELDS = {"title", "description", "status", "priority"}


class TicketAPI:
    """The tools of a ticket queue.

    Args:
        config: Any of the public attributes.
        extra: Not used: long contexts change nothing here.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self.ticket_queue: list[dict[str, Any]] = config.get("ticket_queue", [])
        self.ticket_counter: int = config.get("ticket_counter", 1)
        self.current_user: str | None = config.get("current_user")

    def create_ticket(self, title: str, description: str = "", priority: int = 1) -> dict[str, Any]:
        if not self.current_user:
            return {"error": "User not authenticated. Please log in to create a ticket."}
        if priority < 1 or priority > 5:
            return {"error": "Invalid priority. Priority must be between 1 and 5."}
        ticket = {
            "id": self.ticket_counter,
            "title": title,
            "description": description,
            "status": "Open",
            "priority": priority,
            "created_by": self.current_user,
        }
        self.ticket_queue.append(ticket)
        self.ticket_counter += 1
        return ticket

    def get_ticket(self, ticket_id: int) -> dict[str, Any]:
        return self._ticket(ticket_id) or _unknown(ticket_id)

    def close_ticket(self, ticket_id: int) -> dict[str, Any]:
        ticket = self._ticket(ticket_id)
        if not ticket:
            return _unknown(ticket_id)
        if ticket["status"] == "Closed":
            return {"error": f"Ticket with ID {ticket_id} is already closed."}
        ticket["status"] = "Closed"
        return {"status": f"Ticket {ticket_id} has been closed successfully."}

    def resolve_ticket(self, ticket_id: int, resolution: str) -> dict[str, Any]:
        ticket = self._ticket(ticket_id)
        if not ticket:
            return _unknown(ticket_id)
        if ticket["status"] == "Resolved":
            return {"error": f"Ticket with ID {ticket_id} is already resolved."}
        ticket["status"], ticket["resolution"] = "Resolved", resolution
        return {"status": f"Ticket {ticket_id} has been resolved successfully."}

    def edit_ticket(self, ticket_id: int, updates: dict[str, Any]) -> dict[str, Any]:
        ticket = self._ticket(ticket_id)
        if not ticket:
            return _unknown(ticket_id)
        # In the order of the updates: upstream prints a set, whose order changes from process to process.
        unknown = [field for field in updates.keys() if field not in _FIELDS]  # noqa: SIM118 (a list has no keys)
        if unknown:
            return {"error": f"Invalid fields for update: {', '.join(unknown)}"}
        ticket.update({field: value for field, value in updates.items() if value is not None})
        return {"status": f"Ticket {ticket_id} has been updated successfully."}

    def ticket_login(self, username: str, password: str) -> dict[str, Any]:
        if not (username and password):
            return {"success": False}
        self.current_user = username
        return {"success": True}

    def ticket_get_login_status(self) -> dict[str, Any]:
        return {"login_status": bool(self.current_user)}

    def logout(self) -> dict[str, Any]:
        if not self.current_user:
            return {"success": False}
        self.current_user = None
        return {"success": True}

    def get_user_tickets(self, status: str | None = None) -> list[dict[str, Any]]:
        if not self.current_user:
            return [{"error": "User not authenticated. Please log in to view tickets."}]
        mine = [ticket for ticket in self.ticket_queue if ticket["created_by"] == self.current_user]
        return [t for t in mine if t["status"].lower() == status.lower()] if status else mine

    def _ticket(self, ticket_id: int) -> dict[str, Any] | None:
        return next((ticket for ticket in self.ticket_queue if ticket["id"] == ticket_id), None)


def _unknown(ticket_id: Any) -> dict[str, Any]:
    return {"error": f"Ticket with ID {ticket_id} not found."}
