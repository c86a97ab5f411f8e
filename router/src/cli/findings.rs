//! `check`, `plan`, `explain` and `schema`: commands that read a configuration and print findings.
