"""What every back-end adds to its engine, measured beside the engine asked directly."""
