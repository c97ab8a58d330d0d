"""The platform simulator: the platforms' own HTTP on one port, hosts as the first path segment, faults on demand."""
