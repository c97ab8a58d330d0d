"""Speed: our server beside bare ones in the same run, by the server's own CPU time."""
