//! From a file to a configuration: read, judge, and keep where each key stood.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::judge::{Judge, Reading};
use crate::model::Config;
use crate::node::{self, Node, Position};
use crate::problem::{Problem, Problems, in_order};
use crate::read::{At, Reader, position_of, problem};
use crate::sections::{Draft, draft};
use crate::source::{ProcessSources, Sources};
use crate::validate;

/// A configuration that may be used, and what was seen on the way.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is allowed but probably not meant, in the order of the file.
    pub warnings: Vec<Problem>,
    /// Every file that was read, to be watched for changes: the configuration file (from [`load`]), secrets, certificates,
    /// authorities.
    pub files: Vec<PathBuf>,
    file: String,
    positions: BTreeMap<String, Position>,
}

impl Loaded {
    /// A finding at `key` (such as `listen[0].tls`), or at the nearest key around it that stands in the file.
    #[must_use]
    pub fn problem_at(&self, key: &str, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        problem(&self.file, position_of(&self.positions, key), key, message.into(), hint.into())
    }
}

/// Loads a configuration file, with the secrets and files that it names.
///
/// # Errors
///
/// All [`Problems`] at once; a file that cannot be read is one, too.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    load_judged(path, &ProcessSources, &|_| {})
}

/// The same with other sources, and with one more judge whose findings come together with all others.
///
/// # Errors
///
/// All [`Problems`] at once; a file that cannot be read is one, too.
pub fn load_judged(path: &Path, sources: &dyn Sources, judge: Judge<'_>) -> Result<Loaded, Problems> {
    let file = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => match parse_judged(&text, &file, sources, judge) {
            Ok(mut loaded) => {
                loaded.files.insert(0, path.to_owned());
                Ok(loaded)
            }
            Err(problems) => Err(problems.with_file(path)),
        },
        Err(error) => {
            let hint = "check the path and its permissions";
            let problem =
                problem(&file, Position::START, "", format!("cannot be read: {error}"), hint.to_owned());
            Err(Problems::unread(problem).with_file(path))
        }
    }
}

/// Reads the text of a configuration file. `file` is its name in findings, and its folder is what paths are relative to.
///
/// # Errors
///
/// All [`Problems`] at once.
pub fn parse(text: &str, file: &str, sources: &dyn Sources) -> Result<Loaded, Problems> {
    parse_judged(text, file, sources, &|_| {})
}

/// The same with one more judge, whose findings come together with all others.
///
/// # Errors
///
/// All [`Problems`] at once.
pub fn parse_judged(
    text: &str,
    file: &str,
    sources: &dyn Sources,
    judge: Judge<'_>,
) -> Result<Loaded, Problems> {
    let root = node::tree(text)
        .map_err(|error| Problems::new(vec![problem(file, error.at, "", error.message, error.hint)]))?;
    let reader = Reader::new(file, sources, &root);
    let draft = read_all(&reader, &root, judge);
    let findings = reader.finish();
    match draft {
        Some(draft) if findings.problems.is_empty() => Ok(Loaded {
            config: draft.config,
            warnings: in_order(findings.warnings),
            files: findings.files,
            file: file.to_owned(),
            positions: findings.positions,
        }),
        _ => Err(Problems::new(findings.problems).with_files(findings.files)),
    }
}

/// The draft, with everything that speaks against it or about it noted in the reader.
fn read_all(reader: &Reader<'_>, root: &Node, judge: Judge<'_>) -> Option<Draft> {
    if root.is_null() {
        reader.problem("", "the file is empty", "begin with: hubs: [{id: hub-a, url: 'http://hub-a:8000'}]");
        return None;
    }
    let draft = draft(&At::root(reader, root))?;
    validate::mistakes(&draft, reader);
    judge(&Reading::new(reader, root));
    if reader.sound(&[""]) {
        validate::warnings(&draft.config, reader);
    }
    Some(draft)
}
