//! What the router logs, for tests that ask for a clear line: one log for all sites of the process.

use std::io;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: Once = Once::new();

/// Starts the log; sites of other tests write to it as well, so a test looks for names of its own.
pub fn start() {
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_ansi(false)
            .with_writer(|| Writer)
            .try_init()
            .expect("the first log of this process");
    });
}

/// All lines with this text.
pub fn lines_with(text: &str) -> Vec<String> {
    let all = String::from_utf8_lossy(&locked()).into_owned();
    all.lines().filter(|line| line.contains(text)).map(ToOwned::to_owned).collect()
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked() -> MutexGuard<'static, Vec<u8>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
