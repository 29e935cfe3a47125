"""The Network seam and what implements it: how bytes reach another node."""
