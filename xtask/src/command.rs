//! Running other programs, and saying precisely what was run when one fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs `command` with the terminal's output; no input.
///
/// # Errors
///
/// A sentence that names the command and how it ended.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("`{}` did not start: {error}", text(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", text(command))) }
}

/// Runs `command` with its output in the file `log`, which is begun anew.
///
/// # Errors
///
/// A sentence that names the command, how it ended, and the end of the log.
pub fn run_logged(command: &mut Command, log: &Path) -> Result<(), String> {
    let file = open_log(log)?;
    let errors = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
    run(command.stdout(file).stderr(errors))
        .map_err(|problem| format!("{problem}; the end of {}:\n{}", log.display(), last_lines(log, 15)))
}

/// What `command` prints, without surrounding space; nothing when it fails or does not exist.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of `names` that is a program on the search path.
pub fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file()))
}

/// This process may install packages of the system.
pub fn is_root() -> bool {
    output(Command::new("id").arg("-u")).as_deref() == Some("0")
}

fn open_log(log: &Path) -> Result<File, String> {
    let folder = log.parent().ok_or("a log lies in a folder")?;
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    File::create(log).map_err(|error| format!("{}: {error}", log.display()))
}

fn last_lines(file: &Path, count: usize) -> String {
    let all = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = all.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn text(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_arguments() {
        let problem = run(Command::new("false").args(["a", "b"])).unwrap_err();

        assert!(problem.starts_with("`false a b` ended with "), "{problem}");
    }

    #[test]
    fn a_missing_program_is_a_failure_and_not_an_empty_answer() {
        assert!(run(&mut Command::new("no-such-program-here")).is_err());
        assert_eq!(output(&mut Command::new("no-such-program-here")), None);
        assert_eq!(on_path(&["no-such-program-here"]), None);
    }
}
