"""The retail backend: orders, products and users of an online shop.

Own code from the tools' described behaviour (upstream: ``tau_bench/envs/retail/tools``, tau2
``domains/retail/tools.py``). The order of checks is part of that behaviour: it decides which error the agent reads.
Pairs of texts are v1's and tau2's.
"""

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from forge_envs.tool_use.tau.backend import Backend, cased
from forge_envs.tool_use.tau.tables import Record, clone

REASONS = ("no longer needed", "ordered by mistake")
NO_ORDER = cased("order not found")
NO_USER = cased("user not found")
NO_PRODUCT = cased("product not found")
NO_PAYMENT_METHOD = cased("payment method not found")
NOT_MODIFIABLE = cased("non-pending order cannot be modified")
NOT_AVAILABLE = cased("new item {item} not found or available")
UNEVEN = cased("the number of items to be exchanged should match")


class Retail(Backend):
    """Tools of the retail domain. Orders keep their items and payments, users their payment methods."""

    domain: ClassVar[str] = "retail"
    reads: ClassVar[frozenset[str]] = frozenset(
        {
            "calculate",
            "find_user_id_by_email",
            "find_user_id_by_name_zip",
            "get_item_details",
            "get_order_details",
            "get_product_details",
            "get_user_details",
            "list_all_product_types",
            "think",
            "transfer_to_human_agents",
        }
    )
    writes: ClassVar[frozenset[str]] = frozenset(
        {
            "cancel_pending_order",
            "exchange_delivered_order_items",
            "modify_pending_order_address",
            "modify_pending_order_items",
            "modify_pending_order_payment",
            "modify_user_address",
            "return_delivered_order_items",
        }
    )
    only_in: ClassVar[dict[str, str]] = {"think": "v1", "get_item_details": "tau2"}

    # Reads.

    def find_user_id_by_email(self, email: str) -> str:
        for user_id, user in self.tables.records("users"):
            if user["email"].lower() == email.lower():
                return user_id
        raise self._refuse(NO_USER)

    def find_user_id_by_name_zip(self, first_name: str, last_name: str, zip: str) -> str:
        for user_id, user in self.tables.records("users"):
            name = user["name"]
            if (
                name["first_name"].lower() == first_name.lower()
                and name["last_name"].lower() == last_name.lower()
                and user["address"]["zip"] == zip
            ):
                return user_id
        raise self._refuse(NO_USER)

    def get_user_details(self, user_id: str) -> Record:
        return self._get("users", user_id, NO_USER)

    def get_order_details(self, order_id: str) -> Record:
        return self._get("orders", order_id, NO_ORDER)

    def get_product_details(self, product_id: str) -> Record:
        return self._get("products", product_id, NO_PRODUCT)

    def get_item_details(self, item_id: str) -> Record:
        for _, product in self.tables.records("products"):
            if item_id in product["variants"]:
                found: Record = product["variants"][item_id]
                return found
        raise self._refuse(cased("item not found"))

    def list_all_product_types(self) -> str:
        listed = {product["name"]: product["product_id"] for _, product in self.tables.records("products")}
        return json.dumps(listed, sort_keys=True)

    # Writes.

    def modify_user_address(
        self, user_id: str, address1: str, address2: str, city: str, state: str, country: str, zip: str
    ) -> Record:
        self._get("users", user_id, NO_USER)
        address = self._address(address1, address2, city, state, country, zip)
        user = self.tables.edit("users", user_id)
        user["address"] = address
        return user

    def modify_pending_order_address(
        self, order_id: str, address1: str, address2: str, city: str, state: str, country: str, zip: str
    ) -> Record:
        self._modifiable(self._get("orders", order_id, NO_ORDER))
        address = self._address(address1, address2, city, state, country, zip)
        order = self.tables.edit("orders", order_id)
        order["address"] = address
        return order

    def modify_pending_order_payment(self, order_id: str, payment_method_id: str) -> Record:
        order = self._get("orders", order_id, NO_ORDER)
        self._modifiable(order)
        method = self._payment_method(order, payment_method_id)
        history = order["payment_history"]
        if len(history) > 1 or history[0]["transaction_type"] != "payment":
            raise self._refuse(cased("there should be exactly one payment for a pending order"))
        old_id, amount = history[0]["payment_method_id"], history[0]["amount"]
        if old_id == payment_method_id:
            raise self._refuse(cased("the new payment method should be different from the current one"))
        if method["source"] == "gift_card" and method["balance"] < amount:
            raise self._refuse(cased("insufficient gift card balance to pay for the order"))
        order = self.tables.edit("orders", order_id)
        order["payment_history"] += [
            self._payment("payment", amount, payment_method_id),
            self._payment("refund", amount, old_id),
        ]
        self._pay(order, payment_method_id, amount)
        self._pay(order, old_id, -amount)
        return order

    def modify_pending_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Record:
        order = self._get("orders", order_id, NO_ORDER)
        if order["status"] != "pending":
            raise self._refuse(NOT_MODIFIABLE)
        self._all_in(order, item_ids, ("{item} not found", "{item} not found"))
        if len(item_ids) != len(new_item_ids):
            raise self._refuse(UNEVEN)
        difference, variants = self._price(order, item_ids, new_item_ids, self.version.new_item_must_differ)
        method = self._payment_method(order, payment_method_id)
        if method["source"] == "gift_card" and method["balance"] < difference:
            raise self._refuse(cased("insufficient gift card balance to pay for the new item"))
        order = self.tables.edit("orders", order_id)
        paid = "payment" if difference > 0 else "refund"
        order["payment_history"].append(self._payment(paid, abs(difference), payment_method_id))
        self._pay(order, payment_method_id, difference)
        if self.version.last_variant_wins:
            variants = variants[-1:] * len(variants)
        for item_id, new_item_id, variant in zip(item_ids, new_item_ids, variants, strict=True):
            # Looked up again each time: an item that was just replaced may bear the id that is looked for.
            item = _item(order, item_id)
            item |= {"item_id": new_item_id, "price": variant["price"], "options": clone(variant["options"])}
        order["status"] = "pending (item modified)"
        return order

    def cancel_pending_order(self, order_id: str, reason: str) -> Record:
        order = self._get("orders", order_id, NO_ORDER)
        if order["status"] != "pending":
            raise self._refuse(cased("non-pending order cannot be cancelled"))
        # tau2 looks the reason up in a set, so an unhashable one is another error than a wrong one.
        if reason not in (frozenset(REASONS) if self.version.typed else REASONS):
            raise self._refuse(cased("invalid reason"))
        order = self.tables.edit("orders", order_id)
        refunds = []
        for paid in order["payment_history"]:
            method_id, amount = paid["payment_method_id"], paid["amount"]
            refunds.append(self._payment("refund", amount, method_id))
            if self.version.typed or "gift_card" in method_id:
                self._payment_method(order, method_id)
                self._pay(order, method_id, -amount)
        order |= {"status": "cancelled", "cancel_reason": reason}
        order["payment_history"] += refunds
        return order

    def return_delivered_order_items(self, order_id: str, item_ids: list[str], payment_method_id: str) -> Record:
        order = self._get("orders", order_id, NO_ORDER)
        if order["status"] != "delivered":
            raise self._refuse(cased("non-delivered order cannot be returned"))
        method = self._payment_method(order, payment_method_id)
        if method["source"] != "gift_card" and payment_method_id != order["payment_history"][0]["payment_method_id"]:
            raise self._refuse(
                (
                    "payment method should be either the original payment method or a gift card",
                    "Payment method should be the original payment method",
                )
            )
        self._all_in(order, item_ids, cased("some item not found"))
        order = self.tables.edit("orders", order_id)
        order["status"] = "return requested"
        order["return_items"] = sorted(item_ids)
        order["return_payment_method_id"] = payment_method_id
        return order

    def exchange_delivered_order_items(
        self, order_id: str, item_ids: list[str], new_item_ids: list[str], payment_method_id: str
    ) -> Record:
        order = self._get("orders", order_id, NO_ORDER)
        if order["status"] != "delivered":
            raise self._refuse(cased("non-delivered order cannot be exchanged"))
        self._all_in(order, item_ids, ("{item} not found", "Number of {item} not found."))
        if len(item_ids) != len(new_item_ids):
            raise self._refuse((UNEVEN[0], f"{UNEVEN[1]}."))
        difference = round(self._price(order, item_ids, new_item_ids, False)[0], 2)
        method = self._payment_method(order, payment_method_id)
        if method["source"] == "gift_card" and method["balance"] < difference:
            raise self._refuse(cased("insufficient gift card balance to pay for the price difference"))
        order = self.tables.edit("orders", order_id)
        order["status"] = "exchange requested"
        order["exchange_items"] = sorted(item_ids)
        order["exchange_new_items"] = sorted(new_item_ids)
        order["exchange_payment_method_id"] = payment_method_id
        order["exchange_price_difference"] = difference
        return order

    # Inside.

    def _modifiable(self, order: Record) -> None:
        status = order["status"]
        if not ("pending" in status if self.version.pending_by_word else status == "pending"):
            raise self._refuse(NOT_MODIFIABLE)

    def _payment_method(self, order: Record, method_id: Any) -> Record:
        methods = self.tables.read("users", order["user_id"])["payment_methods"]
        if method_id not in methods:
            raise self._refuse(NO_PAYMENT_METHOD)
        method: Record = methods[method_id]
        return method

    def _pay(self, order: Record, method_id: str, amount: float) -> None:
        """Take an amount from a payment method; only gift cards have a balance."""
        if self._payment_method(order, method_id)["source"] == "gift_card":
            method = self.tables.edit("users", order["user_id"])["payment_methods"][method_id]
            method["balance"] = round(method["balance"] - amount, 2)

    def _all_in(self, order: Record, item_ids: Any, missing: tuple[str, str]) -> None:
        """No item may be named more often than the order has it."""
        held = [item["item_id"] for item in order["items"]]
        for item_id in item_ids:
            if item_ids.count(item_id) > held.count(item_id):
                raise self._refuse(missing, item=item_id)

    def _price(
        self, order: Record, item_ids: Iterable[str], new_item_ids: Iterable[str], must_differ: bool
    ) -> tuple[float, list[Record]]:
        """What the new items cost more than the old ones, and the new items."""
        difference: float = 0
        variants = []
        for item_id, new_item_id in zip(item_ids, new_item_ids, strict=True):
            if must_differ and item_id == new_item_id:
                raise self._refuse(("", "The new item id should be different from the old item id"))
            item = _item(order, item_id)
            variant = self._variant(item["product_id"], new_item_id)
            difference += variant["price"] - item["price"]
            variants.append(variant)
        return difference, variants

    def _variant(self, product_id: str, item_id: Any) -> Record:
        if self.version.typed:
            self._get("products", product_id, NO_PRODUCT)
        variants = self.tables.read("products", product_id)["variants"]
        if item_id not in variants:
            raise self._refuse((NOT_AVAILABLE[0], "Variant not found"), item=item_id)
        if not variants[item_id]["available"]:
            raise self._refuse(NOT_AVAILABLE, item=item_id)
        variant: Record = variants[item_id]
        return variant

    def _address(self, address1: str, address2: str, city: str, state: str, country: str, zip: str) -> Record:
        parts = {
            "address1": address1,
            "address2": address2,
            "city": city,
            "state": state,
            "country": country,
            "zip": zip,
        }
        return self._record("UserAddress", parts)

    def _payment(self, kind: str, amount: float, method_id: str) -> Record:
        row = {"transaction_type": kind, "amount": amount, "payment_method_id": method_id}
        return self._record("OrderPayment", row)


def _item(order: Record, item_id: str) -> Record:
    found: list[Record] = [item for item in order["items"] if item["item_id"] == item_id]
    return found[0]
