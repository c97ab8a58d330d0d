"""What the commands do, a module a theme; `ampost_mcp.cli` imports them when they are needed."""
