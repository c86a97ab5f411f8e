//! What the operator said: YAML text to a validated, immutable configuration.
