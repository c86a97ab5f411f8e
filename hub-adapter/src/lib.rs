//! Everything that knows JupyterHub: addresses, cookies, logins, calls and probes.
