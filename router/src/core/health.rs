//! Health of a hub, per plane: what probes saw becomes a verdict. Pure; probing is left to `control`.
