"""Networks trained on data, in torch."""
