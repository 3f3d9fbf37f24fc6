"""The parts of the proxy benchmark: what is served, who serves it, what is measured."""
