"""tau2's typed records: names, fields, their order and types (facts of its ``data_model.py``).

Loading a database validates it against these, and so does every tool that makes a part of a record out of arguments.
Class names matter: a validation error, which the agent reads, begins with one.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict

FlightType = Literal["round_trip", "one_way"]
Cabin = Literal["business", "economy", "basic_economy"]
YesNo = Literal["yes", "no"]
ByCabin = Annotated[dict[Cabin, int], "seats or dollars"]


class _Source(BaseModel):
    source: str
    id: str


class CreditCard(_Source):
    source: Literal["credit_card"]
    brand: str
    last_four: str


# Retail.


class Paypal(_Source):
    source: Literal["paypal"]


class RetailGiftCard(_Source):
    source: Literal["gift_card"]
    balance: float


class Variant(BaseModel):
    item_id: str
    options: dict[str, str]
    available: bool
    price: float


class Product(BaseModel):
    name: str
    product_id: str
    variants: dict[str, Variant]


class Name(BaseModel):
    first_name: str
    last_name: str


class UserAddress(BaseModel):
    address1: str
    address2: str
    city: str
    country: str
    state: str
    zip: str


class RetailUser(BaseModel):
    user_id: str
    name: Name
    address: UserAddress
    email: str
    payment_methods: dict[str, CreditCard | RetailGiftCard | Paypal]
    orders: list[str]


class Fulfilment(BaseModel):
    tracking_id: list[str]
    item_ids: list[str]


class OrderItem(BaseModel):
    name: str
    product_id: str
    item_id: str
    price: float
    options: dict[str, str]


class OrderPayment(BaseModel):
    transaction_type: Literal["payment", "refund"]
    amount: float
    payment_method_id: str


class Order(BaseModel):
    order_id: str
    user_id: str
    address: UserAddress
    items: list[OrderItem]
    status: Literal[
        "processed",
        "pending",
        "pending (item modified)",
        "delivered",
        "cancelled",
        "exchange requested",
        "return requested",
    ]
    fulfillments: list[Fulfilment]
    payment_history: list[OrderPayment]
    cancel_reason: Literal["no longer needed", "ordered by mistake"] | None = None
    exchange_items: list[str] | None = None
    exchange_new_items: list[str] | None = None
    exchange_payment_method_id: str | None = None
    exchange_price_difference: float | None = None
    return_items: list[str] | None = None
    return_payment_method_id: str | None = None


class RetailDB(BaseModel):
    model_config = ConfigDict(extra="forbid")

    products: dict[str, Product]
    users: dict[str, RetailUser]
    orders: dict[str, Order]


# Airline.


class Payment(BaseModel):
    payment_id: str
    amount: int


class GiftCard(_Source):
    source: Literal["gift_card"]
    amount: float


class Certificate(_Source):
    source: Literal["certificate"]
    amount: float


class Passenger(BaseModel):
    first_name: str
    last_name: str
    dob: str


class Address(BaseModel):
    address1: str
    address2: str | None = None
    city: str
    country: str
    state: str
    zip: str


class AirlineUser(BaseModel):
    user_id: str
    name: Name
    address: Address
    email: str
    dob: str
    payment_methods: dict[str, CreditCard | GiftCard | Certificate]
    saved_passengers: list[Passenger]
    membership: Literal["gold", "silver", "regular"]
    reservations: list[str]


class Available(BaseModel):
    status: Literal["available"]
    available_seats: ByCabin
    prices: ByCabin


class Landed(BaseModel):
    status: Literal["landed"]
    actual_departure_time_est: str
    actual_arrival_time_est: str


class Cancelled(BaseModel):
    status: Literal["cancelled"]


class Delayed(BaseModel):
    status: Literal["delayed"]
    estimated_departure_time_est: str
    estimated_arrival_time_est: str


class Flying(BaseModel):
    status: Literal["flying"]
    actual_departure_time_est: str
    estimated_arrival_time_est: str


class OnTime(BaseModel):
    status: Literal["on time"]
    estimated_departure_time_est: str
    estimated_arrival_time_est: str


class _Route(BaseModel):
    flight_number: str
    origin: str
    destination: str


class Flight(_Route):
    scheduled_departure_time_est: str
    scheduled_arrival_time_est: str
    dates: dict[str, Available | Landed | Cancelled | Delayed | Flying | OnTime]


class ReservationFlight(_Route):
    date: str
    price: int


class FlightInfo(BaseModel):
    flight_number: str
    date: str


class Reservation(BaseModel):
    reservation_id: str
    user_id: str
    origin: str
    destination: str
    flight_type: FlightType
    cabin: Cabin
    flights: list[ReservationFlight]
    passengers: list[Passenger]
    payment_history: list[Payment]
    created_at: str
    total_baggages: int
    nonfree_baggages: int
    insurance: YesNo
    status: Literal["cancelled"] | None = None


class FlightDB(BaseModel):
    model_config = ConfigDict(extra="forbid")

    flights: dict[str, Flight]
    users: dict[str, AirlineUser]
    reservations: dict[str, Reservation]


DATABASES: dict[str, type[BaseModel]] = {"retail": RetailDB, "airline": FlightDB}
"""The model of each domain's database."""


def normalised(domain: str, raw: Any) -> Any:
    """A tau2 database as its models give it back: defaults filled in, numbers of the declared types.

    Raises:
        ValueError: It does not obey the models.
    """
    return DATABASES[domain].model_validate(raw).model_dump()
