"""`ampost-mcp` with rate limits that a bench does not reach; they are still counted."""

from ampost_mcp import tiers
from ampost_mcp.cli import main

if __name__ == "__main__":
    for item in tiers.ITEMS.values():
        item.amount = 10**9
    main()
