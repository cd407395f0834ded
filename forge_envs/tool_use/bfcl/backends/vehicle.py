"""The controls of a car (upstream class: VehicleControlAPI)."""

import random
from collections.abc import Mapping
from typing import Any

from forge_envs.tool_use.bfcl.backends.tables import DISTANCES_KM, ZIP_OF

_TANK_GALLONS = 50
_MILES_PER_GALLON = 20.0
_FULL_FORCE = 1000
_PRESSURES = ("frontLeftTirePressure", "frontRightTirePressure", "rearLeftTirePressure", "rearRightTirePressure")


class VehicleControlAPI:
    """The tools of a car; names of attributes and parameters are upstream's.

    Args:
        config: Public attributes under their names (``engineState`` for engine_state), ``parkingBrakeForce``,
            ``slopeAngle``, ``brakePedalForce`` and ``random_seed``.
        extra: Upstream's long-context texts, which some replies then carry.
    """

    def __init__(self, config: Mapping[str, Any], extra: Mapping[str, Any] | None = None):
        self._random = random.Random(config.get("random_seed", 141053))
        self.fuelLevel: float = config.get("fuelLevel", 0.0)
        self.batteryVoltage: float = config.get("batteryVoltage", 12.6)
        self.engine_state: str = config.get("engineState", "stopped")
        doors = dict.fromkeys(("driver", "passenger", "rear_left", "rear_right"), "unlocked")
        self.doorStatus: dict[str, str] = config.get("doorStatus", doors)
        self.remainingUnlockedDoors = 4 - sum(status == "locked" for status in self.doorStatus.values())
        self.acTemperature: float = config.get("acTemperature", 25.0)
        self.fanSpeed: int = config.get("fanSpeed", 50)
        self.acMode: str = config.get("acMode", "auto")
        self.humidityLevel: float = config.get("humidityLevel", 50.0)
        self.headLightStatus: str = config.get("headLightStatus", "off")
        self.parkingBrakeStatus: str = config.get("parkingBrakeStatus", "released")
        self._parkingBrakeForce: float = config.get("parkingBrakeForce", 0.0)
        self._slopeAngle: float = config.get("slopeAngle", 0.0)
        self.brakePedalStatus: str = config.get("brakePedalStatus", "released")
        self._brakePedalForce: float = config.get("brakePedalForce", 0.0)
        self.distanceToNextVehicle: float = config.get("distanceToNextVehicle", 50.0)
        self.cruiseStatus: str = config.get("cruiseStatus", "inactive")
        self.destination: str = config.get("destination", "None")
        self.frontLeftTirePressure: float = config.get("frontLeftTirePressure", 32.0)
        self.frontRightTirePressure: float = config.get("frontRightTirePressure", 32.0)
        self.rearLeftTirePressure: float = config.get("rearLeftTirePressure", 30.0)
        self.rearRightTirePressure: float = config.get("rearRightTirePressure", 30.0)
        self.long_context = extra is not None
        self._extra = extra or {}

    def startEngine(self, ignitionMode: str) -> dict[str, Any]:
        if ignitionMode == "STOP":
            self.engine_state = "stopped"
        if self.remainingUnlockedDoors > 0:
            unlocked = ", ".join(door for door, status in self.doorStatus.items() if status == "unlocked")
            message = "All doors must be locked before starting the engine. Here are the unlocked doors: "
            return {"error": message + unlocked}
        if self.brakePedalStatus != "pressed":
            return {"error": "Brake pedal needs to be pressed when starting the engine."}
        if self._brakePedalForce != _FULL_FORCE:
            return {"error": "Must press the brake fully before starting the engine."}
        if self.fuelLevel < 0:
            return {"error": "Fuel tank is empty."}
        if ignitionMode != "START":
            return {"error": "Invalid ignition mode."}
        self.engine_state = "running"
        return {"engineState": "running", "fuelLevel": self.fuelLevel, "batteryVoltage": self.batteryVoltage}

    def fillFuelTank(self, fuelAmount: float) -> dict[str, Any]:
        if fuelAmount < 0:
            return {"error": "Fuel amount cannot be negative."}
        if self.fuelLevel + fuelAmount > _TANK_GALLONS:
            return {"error": "Cannot fill gas above the tank capacity."}
        if self.fuelLevel + fuelAmount < 0:
            return {"error": "Fuel tank is empty. Min fuel level is 0 gallons."}
        self.fuelLevel += fuelAmount
        return {"fuelLevel": self.fuelLevel}

    def lockDoors(self, unlock: bool, door: list[str]) -> dict[str, Any]:
        wanted, change = ("unlocked", 1) if unlock else ("locked", -1)
        for name in door:
            if self.doorStatus[name] != wanted:
                self.doorStatus[name] = wanted
                self.remainingUnlockedDoors += change
        return {"lockStatus": wanted, "remainingUnlockedDoors": self.remainingUnlockedDoors}

    def adjustClimateControl(
        self, temperature: float, unit: str = "celsius", fanSpeed: int = 50, mode: str = "auto"
    ) -> dict[str, Any]:
        if not (0 <= fanSpeed <= 100):
            return {"error": "Fan speed must be between 0 and 100."}
        self.acTemperature = temperature
        if unit == "fahrenheit":
            self.acTemperature = (temperature - 32) * 5 / 9
        self.fanSpeed, self.acMode = fanSpeed, mode
        return {"currentACTemperature": temperature, "climateMode": mode, "humidityLevel": self.humidityLevel}

    def get_outside_temperature_from_google(self) -> dict[str, Any]:
        outside = {"outsideTemperature": self._random.uniform(-10.0, 40.0)}
        return {**self._extra.get("LONG_WEATHER_EXTENSION", {}), **outside}

    def get_outside_temperature_from_weather_com(self) -> dict[str, Any]:
        return {"error": 404}

    def setHeadlights(self, mode: str) -> dict[str, Any]:
        if mode not in ["on", "off", "auto"]:
            return {"error": "Invalid headlight mode."}
        self.headLightStatus = "on" if mode == "on" else "off"
        return {"headlightStatus": self.headLightStatus}

    def displayCarStatus(self, option: str) -> dict[str, Any]:
        about = {"metadata": self._extra["CAR_STATUS_METADATA_EXTENSION"]} if self.long_context else {}
        shown: list[tuple[str, dict[str, Any]]] = [
            ("fuel", {"fuelLevel": self.fuelLevel}),
            ("battery", {"batteryVoltage": self.batteryVoltage}),
            ("doors", {"doorStatus": self.doorStatus}),
            (
                "climate",
                {
                    "currentACTemperature": self.acTemperature,
                    "fanSpeed": self.fanSpeed,
                    "climateMode": self.acMode,
                    "humidityLevel": self.humidityLevel,
                },
            ),
            ("headlights", {"headlightStatus": self.headLightStatus}),
            (
                "parkingBrake",
                {
                    "parkingBrakeStatus": self.parkingBrakeStatus,
                    "parkingBrakeForce": self._parkingBrakeForce,
                    "slopeAngle": self._slopeAngle,
                },
            ),
            ("brakePedal", {"brakePedalStatus": self.brakePedalStatus, "brakePedalForce": self._brakePedalForce}),
            ("engine", {"engineState": self.engine_state}),
        ]
        return {**about, **next((status for name, status in shown if name == option), {"error": "Invalid option"})}

    def activateParkingBrake(self, mode: str) -> dict[str, Any]:
        if mode not in ["engage", "release"]:
            return {"error": "Invalid mode"}
        engaged = mode == "engage"
        self.parkingBrakeStatus = "engaged" if engaged else "released"
        self._parkingBrakeForce, self._slopeAngle = 500.0 if engaged else 0.0, 10.0
        about = {"parkingBrakeInstruction": self._extra["PARKING_BRAKE_INSTRUCTION"]} if self.long_context else {}
        return {
            **about,
            "parkingBrakeStatus": self.parkingBrakeStatus,
            "_parkingBrakeForce": self._parkingBrakeForce,
            "_slopeAngle": self._slopeAngle,
        }

    def pressBrakePedal(self, pedalPosition: float) -> dict[str, Any]:
        if not (0 <= pedalPosition <= 1):
            return {"error": "Pedal position must be between 0 and 1."}
        if pedalPosition == 0:
            return self.releaseBrakePedal()
        self._brakePedalForce = pedalPosition * _FULL_FORCE
        self.brakePedalStatus = "pressed"
        return {"brakePedalStatus": "pressed", "brakePedalForce": float(self._brakePedalForce)}

    def releaseBrakePedal(self) -> dict[str, Any]:
        self.brakePedalStatus, self._brakePedalForce = "released", 0.0
        return {"brakePedalStatus": "released", "brakePedalForce": 0.0}

    def setCruiseControl(self, speed: float, activate: bool, distanceToNextVehicle: float) -> dict[str, Any]:
        distance, speed = float(distanceToNextVehicle), float(speed)
        if self.engine_state == "stopped":
            return {"error": "Start the engine before activating the cruise control."}
        self.distanceToNextVehicle = distance
        if activate and (speed < 0 or speed > 120 or speed % 5 != 0):
            return {"error": "Invalid speed"}
        self.cruiseStatus = "active" if activate else "inactive"
        return {"cruiseStatus": self.cruiseStatus, "currentSpeed": speed, "distanceToNextVehicle": distance}

    def get_current_speed(self) -> dict[str, Any]:
        return {"currentSpeed": self._random.uniform(0.0, 120.0)}

    def display_log(self, messages: list[str]) -> dict[str, Any]:
        return {"log": messages}

    def estimate_drive_feasibility_by_mileage(self, distance: float) -> dict[str, Any]:
        return {"canDrive": not self.fuelLevel * _MILES_PER_GALLON < distance}

    def liter_to_gallon(self, liter: float) -> dict[str, Any]:
        return {"gallon": liter * 0.264172}

    def gallon_to_liter(self, gallon: float) -> dict[str, Any]:
        return {"liter": gallon * 3.78541}

    def estimate_distance(self, cityA: str, cityB: str) -> dict[str, Any]:
        known = next((km for codes, km in DISTANCES_KM.items() if _is_pair(codes, cityA, cityB)), None)
        found: dict[str, Any] = {"error": "distance not found in database."} if known is None else {"distance": known}
        if self.long_context:
            found["intermediaryCities"] = list(self._extra["INTERMEDIARY_CITIES"])
        return found

    def get_zipcode_based_on_city(self, city: str) -> dict[str, Any]:
        return {"zipcode": next((code for name, code in ZIP_OF.items() if name == city), "00000")}

    def set_navigation(self, destination: str) -> dict[str, Any]:
        self.destination = destination
        return {"status": "Navigating to " + destination}

    def check_tire_pressure(self) -> dict[str, Any]:
        pressures = {name: getattr(self, name) for name in _PRESSURES}
        front_left, front_right, rear_left, rear_right = pressures.values()
        healthy = 30 <= (front_left + front_right + rear_left + rear_right) / 4 <= 35
        about = self._extra["CAR_STATUS_METADATA_EXTENSION"] if self.long_context else {}
        return {**pressures, "healthy_tire_pressure": healthy, "car_info": about}

    def find_nearest_tire_shop(self) -> dict[str, Any]:
        return {"shopLocation": "456 Oakwood Avenue, Rivermist, 83214"}


def _is_pair(codes: frozenset[str], one: Any, two: Any) -> bool:
    # By comparison, not by hash: a code of any type is merely unknown.
    return one != two and all(any(given == code for code in codes) for given in (one, two))
