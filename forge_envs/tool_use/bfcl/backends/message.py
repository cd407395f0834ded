"""Messages between the users of a workspace (upstream class: MessageAPI)."""

import random
from collections.abc import Mapping
from typing import Any

_NOBODY = {"error": "No user is currently logged in."}


class MessageAPI:
    """The tools of the workspace. `inbox` holds one-key objects {receiver: text}, whoever sent them.

    Args:
        config: Any of the public attributes, and ``random_seed``.
        extra: Not used: long contexts change nothing here.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self._random = random.Random(config.get("random_seed", 200191))
        self.generated_ids: set[int] = config.get("generated_ids", set())
        self.user_count: int = config.get("user_count", 4)
        names = ("Alice", "Bob", "Catherine", "Daniel")
        self.user_map: dict[str, str] = config.get("user_map", {n: f"USR00{i}" for i, n in enumerate(names, start=1)})
        upload = "Could you upload the file?"
        inbox = [{"USR002": "My name is Alice. I want to connect."}, {"USR003": upload}, {"USR004": upload}]
        self.inbox: list[dict[str, str]] = config.get("inbox", inbox)
        self.message_count: int = config.get("message_count", 3)
        self.current_user: str | None = config.get("current_user")

    def list_users(self) -> dict[str, Any]:
        return {"user_list": list(self.user_map)}

    def get_user_id(self, user: str) -> dict[str, Any]:
        if user not in self.user_map:
            return {"error": f"User '{user}' not found in the workspace."}
        return {"user_id": self.user_map[user]}

    def message_login(self, user_id: str) -> dict[str, Any]:
        if user_id not in list(self.user_map.values()):
            return {"login_status": False, "message": f"User ID '{user_id}' not found."}
        self.current_user = user_id
        return {"login_status": True, "message": f"User '{user_id}' logged in successfully."}

    def message_get_login_status(self) -> dict[str, Any]:
        return {"login_status": bool(self.current_user)}

    def send_message(self, receiver_id: str, message: str) -> dict[str, Any]:
        if not self.current_user:
            return dict(_NOBODY)
        if receiver_id not in self.user_map.values():
            return {"error": f"Receiver ID '{receiver_id}' not found."}
        new_id = self._random.randint(10000, 99999)
        while new_id in self.generated_ids:
            new_id = self._random.randint(10000, 99999)
        self.generated_ids.add(new_id)
        self.inbox.append({receiver_id: message})
        self.message_count += 1
        return {
            "sent_status": True,
            "message_id": {"new_id": new_id},
            "message": f"Message sent to '{receiver_id}' successfully.",
        }

    def delete_message(self, receiver_id: str) -> dict[str, Any]:
        if not self.current_user:
            return dict(_NOBODY)
        for entry in reversed(self.inbox):
            receiver = next(iter(entry))
            if receiver == receiver_id:
                self.inbox.remove(entry)  # By value, so the first of equal ones (upstream's quirk).
                text = f"Receiver {receiver_id}'s latest message deleted successfully."
                return {"deleted_status": True, "receiver_id": receiver, "message": text}
        return {"error": f"Receiver ID {receiver_id} not found."}

    def view_messages_sent(self) -> dict[str, Any]:
        if not self.current_user:
            return dict(_NOBODY)
        sent: dict[str, list[str]] = {}
        for entry in self.inbox:
            receiver, text = next(iter(entry.items()))
            sent.setdefault(receiver, []).append(text)
        return {"messages": sent}

    def add_contact(self, user_name: str) -> dict[str, Any]:
        if user_name in self.user_map:
            return {"error": f"User name '{user_name}' already exists."}
        self.user_count += 1
        user_id = f"USR{str(self.user_count).zfill(3)}"
        if user_id in self.user_map.values():
            return {"error": f"User ID '{user_id}' already exists."}
        self.user_map[user_name] = user_id
        text = f"Contact '{user_name}' added successfully."
        return {"added_status": True, "user_id": user_id, "message": text}

    def search_messages(self, keyword: str) -> dict[str, Any]:
        if not self.current_user:
            return dict(_NOBODY)
        wanted = keyword.lower()
        pairs = [next(iter(entry.items())) for entry in self.inbox]
        return {"results": [{"receiver_id": r, "message": text} for r, text in pairs if wanted in text.lower()]}

    def get_message_stats(self) -> dict[str, Any]:
        if not self.current_user:
            return dict(_NOBODY)
        contacts = {next(iter(entry)) for entry in self.inbox}
        return {"stats": {"received_count": len(self.inbox), "total_contacts": len(contacts)}}
