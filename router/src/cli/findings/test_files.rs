//! Configuration files and name lists for the tests of the commands, in a folder that goes away.

use std::path::PathBuf;

pub(in crate::cli) struct Files(tempfile::TempDir);

impl Files {
    pub(in crate::cli) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(in crate::cli) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(in crate::cli) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

/// A configuration with these hubs, each in YAML's short form.
pub(in crate::cli) fn with_hubs(hubs: &[&str]) -> String {
    let lines: String = hubs.iter().map(|hub| format!("  - {hub}\n")).collect();
    format!("hubs:\n{lines}")
}

/// `hub-a` and `hub-b`, both active, of weight 1.
pub(in crate::cli) fn two_hubs() -> String {
    with_hubs(&["{id: hub-a, url: 'http://a:80'}", "{id: hub-b, url: 'http://b:80'}"])
}

/// The keys of a JSON object in their order.
pub(in crate::cli) fn keys(json: &serde_json::Value) -> Vec<&str> {
    json.as_object().unwrap().keys().map(String::as_str).collect()
}
