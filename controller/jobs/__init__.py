"""Placement, attempts, spares: how a job gets onto nodes, off them, and onto others."""
