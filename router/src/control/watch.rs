//! Notices that the configuration changed on disk.
