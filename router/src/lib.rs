//! hubrouter: the public ingress that turns many independent JupyterHubs into one web site.
//!
//! The rooms, from the pure to the effectful; imports point upwards in this list only.

pub mod admin;
pub mod app;
pub mod cli;
pub mod control;
pub mod core;
pub mod directory;
pub mod identify;
pub mod pages;
pub mod proxy;
