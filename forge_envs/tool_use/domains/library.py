"""The library desk: members, books, loans, holds and fines."""

from datetime import date, timedelta
from typing import Any, ClassVar

from forge_envs.core.errors import ToolError
from forge_envs.core.tools import tool
from forge_envs.tool_use.domain import Domain

LOAN_DAYS = 14
MAX_LOANS = 3
MAX_RENEWALS = 2


class Library(Domain):
    """A public library's desk.

    The state has `today`, `members` (name, card, email), `books` (title, shelf, free copies, waiting members),
    `loans` (member, book, due, renewals) and `fines` (member, amount, reason, status), each by id.

    The tools refuse what is impossible. Three rules are the agent's own: the debt above which nothing is lent, which
    fines may be waived, and asking for the card number when nobody said who is at the desk.
    """

    name: ClassVar[str] = "library"
    policy: ClassVar[str] = (
        "You work at the desk of a public library. Use the tools and never invent ids. "
        "If you can't tell who the member is and need to know, ask for the card number. "
        "Lend nothing to a member who owes more than 10; say how much it is. "
        "If no copy of a wanted book is free, place a hold. "
        "Waive only late fines of at most 5; otherwise decline and change nothing. "
        "Do only what was asked. When done, say so in one short sentence."
    )

    @tool
    def find_member(self, contact: str) -> dict[str, Any]:
        """Find a member and what the member owes.

        Args:
            contact: E-mail or card number.

        Raises:
            ToolError: Nobody has this e-mail or card number.
        """
        wanted = contact.strip().lower()
        for member, entry in self.state["members"].items():
            if wanted in (entry["card"], entry["email"].lower()):
                open_fines = [fine["amount"] for fine in self._open_fines(member).values()]
                return {"member": member, "name": entry["name"], "owes": round(sum(open_fines), 2)}
        raise ToolError("no member has this e-mail or card number")

    @tool
    def list_loans(self, member: str) -> list[dict[str, Any]]:
        """List what a member has on loan.

        Args:
            member: Member id.

        Raises:
            ToolError: No such member.
        """
        self._get("members", member)
        return [
            {"loan": key, "title": self.state["books"][loan["book"]]["title"], "due": loan["due"]}
            for key, loan in self.state["loans"].items()
            if loan["member"] == member
        ]

    @tool
    def list_fines(self, member: str) -> list[dict[str, Any]]:
        """List a member's open fines.

        Args:
            member: Member id.

        Raises:
            ToolError: No such member.
        """
        self._get("members", member)
        fines = self._open_fines(member).items()
        return [{"fine": key, "amount": fine["amount"], "reason": fine["reason"]} for key, fine in fines]

    @tool
    def find_book(self, title: str) -> dict[str, Any]:
        """Find a book, its shelf and its free copies.

        Args:
            title: Full title.

        Raises:
            ToolError: No book has this title.
        """
        for book, entry in self.state["books"].items():
            if entry["title"].lower() == title.strip().lower():
                return {"book": book, "shelf": entry["shelf"], "free": entry["free"]}
        raise ToolError("no book has this title")

    @tool
    def lend_book(self, member: str, book: str) -> dict[str, Any]:
        """Lend a free copy to a member.

        Args:
            member: Member id.
            book: Book id.

        Raises:
            ToolError: No such member or book, no free copy, the member has it already or has too many loans.
        """
        self._get("members", member)
        entry = self._get("books", book)
        theirs = [loan["book"] for loan in self.state["loans"].values() if loan["member"] == member]
        if book in theirs:
            raise ToolError("the member has this book already")
        if len(theirs) >= MAX_LOANS:
            raise ToolError(f"the member has {MAX_LOANS} loans, which is the limit")
        if entry["free"] < 1:
            raise ToolError("no copy is free")
        loan = self._new_loan()
        due = _days_after(self.state["today"], LOAN_DAYS)
        entry["free"] -= 1
        if member in entry["waiting"]:
            entry["waiting"].remove(member)
        self.state["loans"][loan] = {"member": member, "book": book, "due": due, "renewals": 0}
        return {"loan": loan, "due": due}

    @tool
    def renew_loan(self, loan: str) -> dict[str, Any]:
        """Extend a loan by two weeks.

        Args:
            loan: Loan id.

        Raises:
            ToolError: No such loan, it was renewed too often, or somebody waits for the book.
        """
        entry = self._get("loans", loan)
        if entry["renewals"] >= MAX_RENEWALS:
            raise ToolError(f"the loan was renewed {MAX_RENEWALS} times already")
        if self.state["books"][entry["book"]]["waiting"]:
            raise ToolError("another member waits for this book")
        entry["due"] = _days_after(entry["due"], LOAN_DAYS)
        entry["renewals"] += 1
        return {"loan": loan, "due": entry["due"]}

    @tool
    def return_loan(self, loan: str) -> str:
        """Take a book back.

        Args:
            loan: Loan id.

        Raises:
            ToolError: No such loan.
        """
        entry = self._get("loans", loan)
        self.state["books"][entry["book"]]["free"] += 1
        del self.state["loans"][loan]
        return "returned"

    @tool
    def place_hold(self, member: str, book: str) -> dict[str, Any]:
        """Put a member on the waiting list of a book.

        Args:
            member: Member id.
            book: Book id.

        Raises:
            ToolError: No such member or book, a copy is free, or the member waits for it or has it already.
        """
        self._get("members", member)
        entry = self._get("books", book)
        if any(loan["member"] == member and loan["book"] == book for loan in self.state["loans"].values()):
            raise ToolError("the member has this book already")
        if member in entry["waiting"]:
            raise ToolError("the member waits for this book already")
        if entry["free"] > 0:
            raise ToolError("a copy is free, lend it instead")
        entry["waiting"].append(member)
        return {"place": len(entry["waiting"])}

    @tool
    def pay_fine(self, fine: str, amount: float) -> str:
        """Take the payment of a fine.

        Args:
            fine: Fine id.
            amount: The full amount.

        Raises:
            ToolError: No such fine, it is not open, or the amount is another.
        """
        entry = self._open_fine(fine)
        if amount != entry["amount"]:
            raise ToolError("the amount is not the amount of this fine")
        entry["status"] = "paid"
        return "paid"

    @tool
    def waive_fine(self, fine: str) -> str:
        """Cancel a fine without payment.

        Args:
            fine: Fine id.

        Raises:
            ToolError: No such fine, or it is not open.
        """
        self._open_fine(fine)["status"] = "waived"
        return "waived"

    @tool
    def update_email(self, member: str, email: str) -> str:
        """Change a member's e-mail.

        Args:
            member: Member id.
            email: New e-mail.

        Raises:
            ToolError: No such member, not an e-mail, or somebody has it already.
        """
        entry = self._get("members", member)
        local, _, host = email.partition("@")
        if not local or "." not in host or " " in email:
            raise ToolError("this is not an e-mail")
        if any(other["email"].lower() == email.lower() for other in self.state["members"].values()):
            raise ToolError("this e-mail is in use")
        entry["email"] = email
        return "updated"

    def _get(self, table: str, key: str) -> dict[str, Any]:
        found: dict[str, Any] | None = self.state[table].get(key)
        if found is None:
            raise ToolError(f"no {table[:-1]} has the id {key[:40]}")
        return found

    def _open_fines(self, member: str) -> dict[str, dict[str, Any]]:
        fines = self.state["fines"].items()
        return {key: fine for key, fine in fines if fine["member"] == member and fine["status"] == "open"}

    def _open_fine(self, fine: str) -> dict[str, Any]:
        entry = self._get("fines", fine)
        if entry["status"] != "open":
            raise ToolError(f"the fine is {entry['status']} already")
        return entry

    def _new_loan(self) -> str:
        # From the highest id ever seen in the state, so that the same calls always give the same id.
        return f"L{max((int(key[1:]) for key in self.state['loans']), default=1000) + 1}"


def _days_after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
