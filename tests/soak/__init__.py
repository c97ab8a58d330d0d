"""A long, steady load, and what it does to the server's memory, file handles and database log."""
