//! Probes every hub on its two planes and reports what was seen.
