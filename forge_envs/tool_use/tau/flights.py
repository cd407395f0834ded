"""Flight search, and the airports."""

from typing import Any

from forge_envs.tool_use.tau.tables import Record, Tables
from forge_envs.tool_use.tau.version import TauVersion

AIRPORTS: dict[str, str] = {
    "SFO": "San Francisco",
    "JFK": "New York",
    "LAX": "Los Angeles",
    "ORD": "Chicago",
    "DFW": "Dallas",
    "DEN": "Denver",
    "SEA": "Seattle",
    "ATL": "Atlanta",
    "MIA": "Miami",
    "BOS": "Boston",
    "PHX": "Phoenix",
    "IAH": "Houston",
    "LAS": "Las Vegas",
    "MCO": "Orlando",
    "EWR": "Newark",
    "CLT": "Charlotte",
    "MSP": "Minneapolis",
    "DTW": "Detroit",
    "PHL": "Philadelphia",
    "LGA": "LaGuardia",
}
"""Code to city, in upstream's order."""
_TYPED_ORDER = (
    "flight_number",
    "origin",
    "destination",
    "status",
    "scheduled_departure_time_est",
    "scheduled_arrival_time_est",
    "date",
    "available_seats",
    "prices",
)


def search_direct(tables: Tables, version: TauVersion, origin: Any, destination: Any, date: Any) -> list[Record]:
    """Flights between two airports that can be booked on a day. In tau2 an airport that is null matches any."""
    return [
        _shown(version, flight, date, None)
        for _, flight in tables.records("flights")
        if _is(version, origin, flight["origin"])
        and _is(version, destination, flight["destination"])
        and _bookable(flight, date)
    ]


def search_onestop(tables: Tables, version: TauVersion, origin: Any, destination: Any, date: Any) -> list[list[Record]]:
    """Pairs of flights with a connection.

    The connection is judged by comparing times as text. If the first leg arrives on the next day, the second one's date
    is in May 2024, one day later than `date`, written without a leading zero (both versions).
    """
    flights = [flight for _, flight in tables.records("flights")]
    found: list[list[Record]] = []
    for first in flights:
        if not _is(version, origin, first["origin"]):
            continue
        if version.typed and not _bookable(first, date):
            continue
        for second in flights:
            if not (_is(version, destination, second["destination"]) and first["destination"] == second["origin"]):
                continue
            later = first["scheduled_arrival_time_est"]
            date2 = f"2024-05-{int(date[-2:]) + 1}" if "+1" in later else date
            if version.typed:
                connects = _bookable(second, date2) and second["scheduled_departure_time_est"] >= later
            else:
                connects = later <= second["scheduled_departure_time_est"] and (
                    date in first["dates"]
                    and date2 in second["dates"]
                    and _bookable(first, date)
                    and _bookable(second, date2)
                )
            if connects:
                shown = date if version.onestop_first_date else date2
                legs = [_shown(version, first, date, date), _shown(version, second, shown, date2)]
                found.append(legs)
    return found


def _is(version: TauVersion, wanted: Any, airport: str) -> bool:
    return (version.typed and wanted is None) or bool(airport == wanted)


def _bookable(flight: Record, date: Any) -> bool:
    return date in flight["dates"] and flight["dates"][date]["status"] == "available"


def _shown(version: TauVersion, flight: Record, day: Any, date: str | None) -> Record:
    """A flight as a search shows it: its own fields and those of one day."""
    shown = {key: value for key, value in flight.items() if key != "dates"} | flight["dates"][day]
    if date is not None or version.typed:
        shown["date"] = date
    return {key: shown[key] for key in _TYPED_ORDER} if version.typed else shown
