"""The engine: a run is prepared, stepped, looked at and recorded, and leaves a result."""
