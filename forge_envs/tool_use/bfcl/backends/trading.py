"""Stock trading (upstream class: TradingBot)."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from forge_envs.tool_use.bfcl.backends.tables import (
    SECTORS,
    SYMBOL_OF,
    default_account,
    default_orders,
    default_stocks,
)

NOW = datetime(2024, 9, 1, 10, 30)
"""The clock of the market stands still."""

_DAY = 86_400
_STAMP = "%Y-%m-%d %H:%M:%S"


class TradingBot:
    """The tools of a trading account; `orders` is keyed by integers.

    Args:
        config: Any of the public attributes, and ``random_seed``.
        extra: Upstream's long-context lists, which many replies then carry.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        orders = config.get("orders") if "orders" in config else default_orders()
        self.orders: dict[Any, dict[str, Any]] = {
            int(key) if isinstance(key, str) and key.isdigit() else key: order for key, order in (orders or {}).items()
        }
        self.account_info: dict[str, Any] = config.get("account_info", default_account())
        self.authenticated: bool = config.get("authenticated", False)
        self.market_status: str = config.get("market_status", "Closed")
        self.order_counter: int = config.get("order_counter", 12446)
        self.stocks: dict[str, dict[str, Any]] = config.get("stocks", default_stocks())
        self.watch_list: list[str] = config.get("watch_list", ["NVDA"])
        self.transaction_history: list[dict[str, Any]] = config.get("transaction_history", [])
        self.long_context = extra is not None
        self._extra = extra or {}
        self._random = random.Random(config.get("random_seed", 1053520))

    def get_current_time(self) -> dict[str, Any]:
        return {"current_time": NOW.strftime("%I:%M %p")}

    def get_symbol_by_name(self, name: str) -> dict[str, Any]:
        return {"symbol": SYMBOL_OF.get(name, "Stock not found")}

    def get_stock_info(self, symbol: str) -> dict[str, Any]:
        if symbol not in self.stocks:
            return {"error": f"Stock with symbol '{symbol}' not found."}
        stock = self.stocks[symbol]
        if not self.long_context:
            return stock
        return {**stock, "MA(5)": list(self._extra["MA_5_EXTENSION"]), "MA(20)": list(self._extra["MA_20_EXTENSION"])}

    def get_order_details(self, order_id: int) -> dict[str, Any]:
        if order_id not in self.orders:
            known = f"Here is the list of orders_id: {list(self.orders)}"
            return {"error": f"Order with ID {order_id} not found.{known}"}
        order = self.orders[order_id]
        if not self.long_context:
            return order
        about = self._extra["ORDER_DETAIL_EXTENSION"].items()
        return {**order, "metadata": {key: text.replace("{symbol}", str(order["symbol"])) for key, text in about}}

    def cancel_order(self, order_id: int) -> dict[str, Any]:
        if order_id not in self.orders:
            return {"error": f"Order with ID {order_id} not found."}
        if self.orders[order_id]["status"] == "Completed":
            return {"error": f"Can't cancel order {order_id}. Order is already completed."}
        self.orders[order_id]["status"] = "Cancelled"
        return {"order_id": order_id, "status": "Cancelled"}

    def place_order(self, order_type: str, symbol: str, price: float, amount: int) -> dict[str, Any]:
        if not self.authenticated:
            return _login("place an order")
        if symbol not in self.stocks:
            return {"error": f"Invalid stock symbol: {symbol}"}
        if price <= 0 or amount <= 0:
            return {"error": "Price and amount must be positive values."}
        if order_type.lower() == "buy":
            cost, balance = float(price) * int(amount), self.account_info.get("balance", 0)
            if cost > balance:
                return {"error": f"Insufficient funds: required ${cost:.2f} but only ${balance:.2f} available."}
        price, order_id = float(price), self.order_counter
        order = {"order_type": order_type, "symbol": symbol, "price": price, "amount": amount, "status": "Open"}
        self.orders[order_id] = {"id": order_id, **order}
        self.order_counter += 1
        # The reply says Pending, a later look says Open: an order takes a moment.
        placed = {"order_id": order_id, "order_type": order_type, "status": "Pending"}
        return {**placed, "price": price, "amount": amount}

    def withdraw_funds(self, amount: float) -> dict[str, Any]:
        if not self.authenticated:
            return _login("make a transaction")
        if self.market_status != "Open":
            return {"error": "Market is closed. Transactions are not allowed."}
        if amount <= 0:
            return {"error": "Transaction amount must be positive."}
        if amount > self.account_info["balance"]:
            return {"error": "Insufficient funds for withdrawal."}
        self.account_info["balance"] -= amount
        return self._booked("withdrawal", amount, "Withdrawal successful")

    def get_account_info(self) -> dict[str, Any]:
        return self.account_info if self.authenticated else _login("view account information")

    def trading_login(self, username: str, password: str) -> dict[str, Any]:
        if self.authenticated:
            return {"status": "Already logged in"}
        self.authenticated = True
        return {"status": "Logged in successfully"}

    def trading_get_login_status(self) -> dict[str, Any]:
        return {"status": bool(self.authenticated)}

    def trading_logout(self) -> dict[str, Any]:
        if not self.authenticated:
            return {"status": "No user is currently logged in"}
        self.authenticated = False
        return {"status": "Logged out successfully"}

    def fund_account(self, amount: float) -> dict[str, Any]:
        if not self.authenticated:
            return _login("fund the account")
        if amount <= 0:
            return {"error": "Funding amount must be positive."}
        self.account_info["balance"] += amount
        return self._booked("deposit", amount, "Account funded successfully")

    def remove_stock_from_watchlist(self, symbol: str) -> dict[str, Any]:
        if not self.authenticated:
            return _login("modify the watchlist")
        if symbol not in self.watch_list:
            return {"error": f"Stock {symbol} not found in watchlist."}
        self.watch_list.remove(symbol)
        return {"status": f"Stock {symbol} removed from watchlist successfully."}

    def get_watchlist(self) -> dict[str, Any] | list[Any]:
        if not self.authenticated:
            return [f"Error: {_login('view the watchlist')['error']}"]
        if self.long_context:
            return [*self.watch_list, *self._extra["WATCH_LIST_EXTENSION"]]
        return {"watchlist": self.watch_list}

    def get_order_history(self) -> dict[str, Any] | list[Any]:
        return {"history": list(self.orders)} if self.authenticated else [_login("view order history")]

    def get_transaction_history(
        self, start_date: str | None = None, end_date: str | None = None
    ) -> dict[str, Any] | list[Any]:
        if not self.authenticated:
            return [_login("view transaction history")]
        first = datetime.strptime(start_date, "%Y-%m-%d") if start_date else datetime.min
        last = datetime.strptime(end_date, "%Y-%m-%d") if end_date else datetime.max
        found = [t for t in self.transaction_history if first <= datetime.strptime(t["timestamp"], _STAMP) <= last]
        return {"transaction_history": found + list(self._extra.get("TRANSACTION_HISTORY_EXTENSION", ()))}

    def get_available_stocks(self, sector: str) -> dict[str, Any]:
        more = {"Technology": "TECHNOLOGY_EXTENSION", "Automobile": "AUTOMOBILE_EXTENSION"}
        found = list(SECTORS.get(sector, ()))
        return {"stock_list": found + list(self._extra.get(more.get(sector, ""), ()))}

    def filter_stocks_by_price(self, stocks: list[str], min_price: float, max_price: float) -> dict[str, Any]:
        def price(symbol: str) -> Any:
            return self.stocks.get(symbol, {}).get("price", 0)

        return {"filtered_stocks": [s for s in stocks if price(s) >= min_price and price(s) <= max_price]}

    def add_to_watchlist(self, stock: str) -> dict[str, Any]:
        if stock not in self.watch_list and stock in self.stocks:
            self.watch_list.append(stock)
        return {"watchlist": self.watch_list}

    def notify_price_change(self, stocks: list[str], threshold: float) -> dict[str, Any]:
        changed = [s for s in stocks if s in self.stocks and abs(self.stocks[s]["percent_change"]) >= threshold]
        if not changed:
            return {"notification": "No significant price changes in the selected stocks."}
        return {"notification": f"Stocks {', '.join(changed)} have significant price changes."}

    def _booked(self, kind: str, amount: float, status: str) -> dict[str, Any]:
        # A second of the coming day; counted from the clock, so that no time zone matters.
        moment = NOW + timedelta(seconds=self._random.randint(0, _DAY))
        self.transaction_history.append({"type": kind, "amount": amount, "timestamp": moment.strftime(_STAMP)})
        return {"status": status, "new_balance": self.account_info["balance"]}


def _login(purpose: str) -> dict[str, Any]:
    return {"error": f"User not authenticated. Please log in to {purpose}."}
