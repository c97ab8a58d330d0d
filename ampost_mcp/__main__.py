"""`ampost-mcp` and `python -m ampost_mcp`."""

from ampost_mcp.cli import main

if __name__ == "__main__":
    main()
