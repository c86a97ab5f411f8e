//! What has been found out so far: one line per part at once, times and the count at the end.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Collects results and prints them as they come.
#[derive(Default)]
pub struct Report {
    passed: usize,
    failures: Vec<String>,
    times: Vec<(String, Duration)>,
}

impl Report {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs one part and prints its line. Says whether it passed.
    pub fn part(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) -> bool {
        println!("==> {name}");
        let began = Instant::now();
        let result = work();
        self.took(name, began.elapsed());
        match result {
            Ok(()) => {
                self.passed(name);
                true
            }
            Err(problem) => {
                self.failed(name, &problem);
                false
            }
        }
    }

    /// `name` is as it should be.
    pub fn passed(&mut self, name: &str) {
        println!("ok      {name}");
        self.passed += 1;
    }

    /// `name` is not as it should be.
    pub fn failed(&mut self, name: &str, problem: &str) {
        println!("FAILED  {name}: {problem}");
        self.failures.push(name.to_owned());
    }

    /// Counts a line that was printed already, by a program that ran below this one.
    pub fn count(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failures.push(name.to_owned());
        }
    }

    /// Notes how long a part took.
    pub fn took(&mut self, name: &str, time: Duration) {
        self.times.push((name.to_owned(), time));
    }

    /// Prints times, failures and, as the last line, the count.
    pub fn close(self) -> ExitCode {
        print!("{}", self.closing());
        if self.failures.is_empty() && self.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn closing(&self) -> String {
        let mut text = String::from("\n");
        for (name, time) in &self.times {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:>7.1} s  {name}", time.as_secs_f64());
        }
        for name in &self.failures {
            let _ = writeln!(text, "FAILED  {name}");
        }
        let _ = writeln!(text, "{} passed, {} failed", self.passed, self.failures.len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_parts_and_behaviours_together() {
        let mut report = Report::new();
        report.part("format", || Ok(()));
        report.part("clippy", || Err("a warning".to_owned()));
        report.count("each opens JupyterLab", true);

        let closing = report.closing();

        assert_eq!(closing.lines().last(), Some("2 passed, 1 failed"));
        assert!(closing.contains("FAILED  clippy\n"), "{closing}");
    }

    #[test]
    fn a_run_of_nothing_is_no_success() {
        assert_eq!(format!("{:?}", Report::new().close()), format!("{:?}", ExitCode::FAILURE));
    }
}
