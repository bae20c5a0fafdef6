"""Where webhooks may go: public addresses over https, unless the operator says otherwise (contract section 5)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from app.domain.errors import ForbiddenAddress
from app.gateways.webhooks.addresses import is_public, look_up

#: Turns a name into addresses within so many seconds; raises OSError.
Resolver = Callable[[str, float], tuple[str, ...]]

_LONGEST_URL = 2048
_LONGEST_NAME = 253
#: Parsers disagree about these, half a character cannot even be stored, and no URL needs them.
_UNCLEAR = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_NAME = re.compile(r"(?:(?!-)[a-z0-9_-]{1,63}(?<!-)\.)*(?!-)[a-z0-9_-]{1,63}(?<!-)")
#: Such a name is an IPv4 address to the system's resolver, in decimal, hex or octal (WHATWG URL, section 3.5).
_NUMERIC_NAME = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_PORTS = range(1, 65536)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOK_UP_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A URL taken apart, once: what was checked is what is connected to.

    `host` is a name or an address without brackets; `target` is the path with the query.
    """

    scheme: str
    host: str
    port: int
    target: str


class PublicAddressGuard:
    """`AddressGuard` over DNS; the sender asks it again when it connects, because names change."""

    def __init__(
        self,
        *,
        allow_insecure: bool = False,
        allowed_networks: Iterable[str] = (),
        resolve: Resolver = look_up,
    ) -> None:
        """Allow the operator's own networks beside the public ones; raise ValueError for one that is no CIDR.

        `allow_insecure` is for development: it allows plain http and every address.
        """
        self._allow_insecure = allow_insecure
        self._allowed = tuple(ip_network(network) for network in allowed_networks)
        self._resolve = resolve

    def check(self, url: str) -> None:
        """Raise ForbiddenAddress when the URL, or any address of its host, is not one to send webhooks to.

        A host that cannot be resolved is refused as well, since nobody can tell where it leads.
        """
        destination = self.destination(url)
        if self._allow_insecure:
            return
        try:
            self.addresses(destination, seconds=_LOOK_UP_SECONDS)
        except OSError:
            raise ForbiddenAddress("The URL's host cannot be resolved.") from None

    def destination(self, url: str) -> Destination:
        """Take a URL apart; raise ForbiddenAddress when its form alone forbids it."""
        parts = _parse(url)
        schemes = ("https", "http") if self._allow_insecure else ("https",)
        scheme = parts.scheme or ""
        if scheme not in schemes:
            raise ForbiddenAddress(f"The URL must begin with {' or '.join(f'{each}://' for each in schemes)}.")
        if parts.auth is not None:
            raise ForbiddenAddress("The URL must not carry a user name or a password.")
        port = _DEFAULT_PORTS[scheme] if parts.port is None else parts.port
        if port not in _PORTS:
            raise ForbiddenAddress("The URL's port is not between 1 and 65535.")
        return Destination(scheme=scheme, host=_host(parts.host), port=port, target=parts.request_uri)

    def addresses(self, destination: Destination, *, seconds: float) -> tuple[str, ...]:
        """Return the addresses to connect to; raise ForbiddenAddress when any of them is internal.

        Raises OSError, in time, when the name leads nowhere.
        """
        found = (destination.host,) if _is_address(destination.host) else self._resolve(destination.host, seconds)
        if not found:
            raise OSError("The name has no address.")
        for address in found:
            self.check_address(address)
        return found

    def check_address(self, address: str) -> None:
        """Raise ForbiddenAddress when an IP address is internal and not of an allowed network."""
        parsed = ip_address(address)
        if not (self._allow_insecure or is_public(parsed) or any(parsed in network for network in self._allowed)):
            raise ForbiddenAddress("The URL leads to an address that is not a public one.")


def _parse(url: str) -> Url:
    if len(url) > _LONGEST_URL:
        raise ForbiddenAddress(f"The URL is longer than {_LONGEST_URL} characters.")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise ForbiddenAddress("The URL is not valid.") from None
    if _UNCLEAR.search(url):
        raise ForbiddenAddress("The URL is not valid.")
    return parts


def _host(host: str | None) -> str:
    """Return the host as a plain name or a canonical address; raise ForbiddenAddress for anything in disguise."""
    bare = (host or "").lower()
    bare = bare[1:-1] if bare.startswith("[") else bare.removesuffix(".")
    if "%" not in bare and _is_address(bare):
        return bare
    if len(bare) > _LONGEST_NAME or not _NAME.fullmatch(bare) or _NUMERIC_NAME.fullmatch(bare):
        raise ForbiddenAddress("The URL's host is not a valid name or address.")
    return bare


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
