"""Networks trained on data, with torch (pip install "stepbench[torch]")."""
