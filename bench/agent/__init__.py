"""What one agent costs with every sensor on, how soon it tells of a fault, what a hung sensor does to the others."""
