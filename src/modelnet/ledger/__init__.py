"""What is kept of the past: outcomes of tasks, on this machine, exportable and deletable."""
