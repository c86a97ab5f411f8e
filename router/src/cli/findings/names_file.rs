//! Reads lists of user names: one per line; empty lines and lines that begin with `#` are passed over.

use std::io::{Read, Write};
use std::path::Path;

use hubrouter_hub_adapter::names::{NameRule, UserName};

use super::CannotRun;

/// The names as they stand in the file, each line that is a name once, and the lines that are none.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Names {
    pub(in crate::cli) raw: Vec<String>,
    /// `file:line: what is wrong`.
    pub(in crate::cli) refused: Vec<String>,
}

/// Reads `path`; `-` is standard input.
pub(in crate::cli) fn read(path: &Path) -> Result<Names, CannotRun> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    }
    .map_err(|error| CannotRun(format!("{}: {error}", path.display())))?;
    let names = parse(&bytes, &path.display().to_string());
    if names.raw.is_empty() {
        let lines: String = names.refused.iter().map(|line| format!("\n{line}")).collect();
        return Err(CannotRun(format!("{}: holds no user name{lines}", path.display())));
    }
    Ok(names)
}

/// Tells about every refused line: the rest is counted without them.
pub(in crate::cli) fn report_refused(names: &Names, err: &mut dyn Write) -> Result<(), CannotRun> {
    for line in &names.refused {
        writeln!(err, "{line}")?;
    }
    Ok(())
}

fn parse(bytes: &[u8], file: &str) -> Names {
    let mut names = Names { raw: Vec::new(), refused: Vec::new() };
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1_usize..) {
        match read_line(line) {
            Ok(None) => {}
            Ok(Some(name)) => names.raw.push(name),
            Err(reason) => names.refused.push(format!("{file}:{number}: {reason}; left out")),
        }
    }
    names
}

fn read_line(line: &[u8]) -> Result<Option<String>, &'static str> {
    let text = str::from_utf8(line).map_err(|_| "not UTF-8")?.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    // What is a name at all does not depend on the rule; which names are one user does, and is the caller's.
    match UserName::canonical(text, NameRule::Exact) {
        Some(_) => Ok(Some(text.to_owned())),
        None => Err("not a user name: holds a slash, a backslash or a control character"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_empty_lines_and_line_ends_of_other_systems_are_passed_over() {
        let names = parse("# users\n\n ada \r\nbo@example.org\n  # more\nélise".as_bytes(), "users");
        assert_eq!(names.raw, ["ada", "bo@example.org", "élise"]);
        assert_eq!(names.refused, Vec::<String>::new());
    }

    #[test]
    fn lines_that_are_no_name_are_reported_by_number() {
        let names = parse(b"ada\na/b\n\xff\n..", "users.txt");
        assert_eq!(names.raw, ["ada"]);
        assert_eq!(names.refused.len(), 3);
        assert!(names.refused[0].starts_with("users.txt:2: not a user name"), "{names:?}");
        assert!(names.refused[1].starts_with("users.txt:3: not UTF-8"), "{names:?}");
        assert!(names.refused[2].starts_with("users.txt:4: "), "{names:?}");
    }
}
