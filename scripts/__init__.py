"""What is done to the house, and is no part of it."""
