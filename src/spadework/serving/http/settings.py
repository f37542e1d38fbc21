"""How a server is run: written once, read by every worker."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address

from pydantic import BaseModel, ConfigDict, Field

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Settings(BaseModel):
    """What is the same in all workers of a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    store: str
    host: str = "127.0.0.1"
    port: int = 8765
    host_names: tuple[str, ...] = ()  # further names that requests may be for
    needs_key: bool = False
    body_bytes: int = Field(default=1 << 20, description="Largest body.")
    body_seconds: float = Field(default=10.0, description="Time in which a body must arrive.")
    queue: int = Field(
        default=64, description="Requests that wait at most; more are told to come later."
    )
    rate: float | None = Field(
        default=None, description="Requests a second of one caller; None: any."
    )
    log_requests: bool = False

    @property
    def address(self) -> str:
        """What callers write before the path."""
        return f"http://{_in_url(self.host)}:{self.port}"

    @property
    def hosts(self) -> frozenset[str]:
        """The values of the header Host that are for this server."""
        host = _in_url(self.host)
        names = {*LOOPBACK, *({host} if host not in ("0.0.0.0", "[::]") else ())}
        with_port = {f"{name}:{self.port}" for name in names}
        return frozenset(
            name.lower()
            for name in (*with_port, *(names if self.port in (80, 443) else ()), *self.host_names)
        )

    @property
    def hosts_at_any_port(self) -> frozenset[str]:
        """Those of the further names that were given without a port."""
        return frozenset(name.lower() for name in self.host_names if without_port(name) == name)

    @property
    def loopback(self) -> tuple[str, int]:
        """Host and port at which this machine reaches the server."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host), self.port


def without_port(host: str) -> str:
    """A host without its port; IPv6 in brackets has colons of its own."""
    name, colon, port = host.rpartition(":")
    has_port = bool(colon) and port.isdigit() and (":" not in name or name.endswith("]"))
    return name if has_port else host


def _in_url(host: str) -> str:
    """A host as addresses have it: IPv6 in brackets, in its short form."""
    try:
        return f"[{IPv6Address(host).compressed}]"
    except AddressValueError:
        return host
