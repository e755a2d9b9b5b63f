"""How long a job stands still after a fault: under Mainstay, and under plain torchrun beside it."""
