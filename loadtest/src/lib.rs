//! Simulated JupyterHubs and users that drive any ingress from outside.
