"""Answers told again, and asked beforehand: what stands in front of the teacher where wanted."""
