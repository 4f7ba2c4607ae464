"""What the project takes from others: known vulnerabilities in it, and the list of it."""
