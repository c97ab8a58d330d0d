"""Which literal hosts count as private, in every notation that a resolver takes."""

import pytest

from ampost_mcp.services.addresses import allowed, is_public, literal, names_private_address

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "198.18.0.1",
    "192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.8",
    "192.88.99.1", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1",
    "ff02::1", "5f00::1", "100::1",
]  # fmt: skip
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
NOTATIONS = [
    "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "017700000001", "127。0。0。1", "１２７.0.0.1", "0",
    "[::1]", "[::ffff:7f00:1]", "127.0.0.1.", "0X7F.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", NOTATIONS)
def test_every_notation_of_a_private_address_is_seen(host: str) -> None:
    assert names_private_address(f"http://{host}/cat.jpg", frozenset())


@pytest.mark.parametrize("host", ["example.com", "cdn.example.com", "1a.example", "cafe.fade", "deadbeef", "0x7f.example"])
def test_names_are_no_literals(host: str) -> None:
    assert literal(host) is None


def test_an_allowed_host_and_port_passes_and_another_port_does_not() -> None:
    allow = allowed("127.0.0.1:9000, [::1]:80, intranet.example:8080")
    assert not names_private_address("http://127.0.0.1:9000/a.jpg", allow)
    assert not names_private_address("http://[::1]/a.jpg", allow)
    assert names_private_address("http://127.0.0.1:9001/a.jpg", allow)
    assert ("intranet.example", 8080) in allow


@pytest.mark.parametrize("url", ["http://x:99999/", "http://[::1", "no url at all"])
def test_what_is_no_url_is_left_to_others(url: str) -> None:
    assert not names_private_address(url, frozenset())
