"""From a request to jobs, or why not: nothing is made or changed here."""
