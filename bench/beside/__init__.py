"""The parts of the benchmarks: what is served, who serves it, what is measured."""
