"""What every daemon of the house needs of its machine: words for systemd, and a sample of its configuration."""
