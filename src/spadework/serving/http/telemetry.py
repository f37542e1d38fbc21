"""What keeps FastAPI from sending anything: nothing leaves this machine."""

from __future__ import annotations

from fastapi.telemetry import TelemetryConfig

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False,
    "auto_configure": False,
}  # fmt: skip
"""FastAPI would send traces, with messages of errors, where a variable of the environment says so;
nothing leaves this machine.
"""
