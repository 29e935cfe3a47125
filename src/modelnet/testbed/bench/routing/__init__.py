"""Routers measured on recorded answers of real models."""
